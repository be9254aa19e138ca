using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace MambaConnector.Native;

/// <summary>Receives the native progress callback. What the receiver throws is kept and thrown after the native call: no exception may
/// cross native frames.</summary>
internal sealed class ProgressSink(Action<long, long>? progress, CancellationToken cancellationToken)
{
    private ExceptionDispatchInfo? _failure;

    /// <summary>The <c>mamba_progress</c> callback; <paramref name="context"/> is a GCHandle of the sink.</summary>
    /// <returns>0 to cancel.</returns>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static int Report(long done, long total, ulong context) =>
        ((ProgressSink)GCHandle.FromIntPtr((nint)context).Target!).Report(done, total) ? 1 : 0;

    /// <summary>Throws what the receiver threw.</summary>
    public void ThrowIfFailed() => _failure?.Throw();

    private bool Report(long done, long total)
    {
        try
        {
            progress?.Invoke(done, total);
            return !cancellationToken.IsCancellationRequested;
        }
#pragma warning disable CA1031 // rethrown by ThrowIfFailed
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _failure = ExceptionDispatchInfo.Capture(exception);
            return false;
        }
    }
}
