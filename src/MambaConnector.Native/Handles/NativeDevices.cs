using MambaConnector.Native.Generated;

namespace MambaConnector.Native;

/// <summary>The devices that the native library knows, usable or not. The first is the CPU.</summary>
internal static unsafe class NativeDevices
{
    public static int Count
    {
        get
        {
            NativeRuntime.EnsureLoaded();
            return c_api.__Internal.MambaDeviceCount();
        }
    }

    /// <summary>Asks one device, which starts it; the others are left alone.</summary>
    public static MambaDeviceInfo.__Internal Get(int index)
    {
        NativeRuntime.EnsureLoaded();
        MambaStatus.__Internal status = NativeStatus.Create();
        MambaDeviceInfo.__Internal info = new() { struct_size = (uint)sizeof(MambaDeviceInfo.__Internal) };
        NativeStatus.Check(c_api.__Internal.MambaDeviceGet(index, (nint)(&info), (nint)(&status)), status);
        return info;
    }
}
