using System.Text;
using MambaConnector.Native.Generated;

namespace MambaConnector.Native;

/// <summary>What the loaded library says about the layout of its structs.</summary>
internal static unsafe class NativeAbi
{
    /// <summary>A line <c>struct field offset size</c> for every field and <c>struct * 0 size</c> for every struct.</summary>
    public static string Layout()
    {
        NativeRuntime.EnsureLoaded();
        MambaStatus.__Internal status = NativeStatus.Create();
        nuint length = 0;
        _ = c_api.__Internal.MambaAbiLayout(null, 0, &length, (nint)(&status));
        byte[] text = new byte[length];
        fixed (byte* buffer = text)
        {
            NativeStatus.Check(c_api.__Internal.MambaAbiLayout(buffer, length, &length, (nint)(&status)), status);
        }

        return Encoding.UTF8.GetString(text);
    }
}
