using MambaConnector.Native.Generated;

namespace MambaConnector.Native;

/// <summary>The devices that the native library knows, usable or not. The first is the CPU.</summary>
internal static unsafe class NativeDevices
{
    public static MambaDeviceInfo.__Internal[] List()
    {
        NativeRuntime.EnsureLoaded();
        MambaDeviceInfo.__Internal[] devices = new MambaDeviceInfo.__Internal[c_api.__Internal.MambaDeviceCount()];
        for (int index = 0; index < devices.Length; index++)
        {
            MambaStatus.__Internal status = NativeStatus.Create();
            MambaDeviceInfo.__Internal info = new() { struct_size = (uint)sizeof(MambaDeviceInfo.__Internal) };
            NativeStatus.Check(c_api.__Internal.MambaDeviceGet(index, (nint)(&info), (nint)(&status)), status);
            devices[index] = info;
        }

        return devices;
    }
}
