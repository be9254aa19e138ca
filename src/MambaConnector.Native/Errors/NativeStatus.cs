using System.Text;
using MambaConnector.Native.Generated;

namespace MambaConnector.Native;

/// <summary>Turns the status of a native call into the exception that a .NET caller expects.</summary>
internal static unsafe class NativeStatus
{
    /// <summary>A status that says how large this side's view of the struct is.</summary>
    public static MambaStatus.__Internal Create() => new() { struct_size = (uint)sizeof(MambaStatus.__Internal) };

    /// <summary>Throws unless <paramref name="result"/> is MAMBA_OK.</summary>
    public static void Check(int result, in MambaStatus.__Internal status, CancellationToken cancellationToken = default)
    {
        if (result != (int)MambaResult.MAMBA_OK)
        {
            throw ToException(result, Message(status), null, cancellationToken);
        }
    }

    /// <summary>As <see cref="Check"/>, for what a device may not do: a <see cref="NotSupportedException"/> says so.</summary>
    public static void CheckSupported(int result, in MambaStatus.__Internal status)
    {
        if (result == (int)MambaResult.MAMBA_UNSUPPORTED)
        {
            throw new NotSupportedException(Message(status));
        }

        Check(result, status);
    }

    /// <summary>Returns the handle that a constructor made, or throws what its status says.</summary>
    /// <param name="handle">What the constructor returned.</param>
    /// <param name="status">What it reported.</param>
    /// <param name="path">The file that was asked for, if the call was about one.</param>
    public static nint CheckHandle(nint handle, in MambaStatus.__Internal status, string? path = null) =>
        handle != 0 ? handle : throw ToException(status.code, Message(status), path, default);

    /// <summary>The exception for a failed call.</summary>
    public static Exception ToException(int code, string message, string? path, CancellationToken cancellationToken) => (MambaResult)code switch
    {
        MambaResult.MAMBA_CANCELLED => new OperationCanceledException(message, cancellationToken),
        MambaResult.MAMBA_NOT_FOUND when path is not null => new FileNotFoundException(message, path),
        MambaResult.MAMBA_IO => new IOException(message),
        MambaResult.MAMBA_BAD_FORMAT or MambaResult.MAMBA_UNSUPPORTED => new MambaFormatException((MambaErrorCode)code, message),
        MambaResult.MAMBA_MISMATCH => new MambaStateMismatchException((MambaErrorCode)code, message),
        MambaResult.MAMBA_NOT_ROLLBACKABLE => new MambaRollbackException((MambaErrorCode)code, message),
        MambaResult.MAMBA_DEVICE => new MambaDeviceException((MambaErrorCode)code, message),
        MambaResult.MAMBA_OUT_OF_MEMORY => new MambaOutOfMemoryException((MambaErrorCode)code, message),
        _ => new MambaException((MambaErrorCode)code, message),
    };

    private static string Message(in MambaStatus.__Internal status)
    {
        fixed (byte* message = status.message)
        {
            int length = Math.Clamp(status.message_length, 0, 1012);
            return length > 0 ? Encoding.UTF8.GetString(message, length) : $"the native library failed with code {status.code} and no message";
        }
    }
}
