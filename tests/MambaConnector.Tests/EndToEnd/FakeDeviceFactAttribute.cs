namespace MambaConnector.Tests.EndToEnd;

/// <summary>A test on the device that the native tests' build makes (<c>native/tests/fake_device</c>): skipped where there is
/// none.</summary>
public sealed class FakeDeviceFactAttribute : FactAttribute
{
    public FakeDeviceFactAttribute()
    {
        if (FakeDevice.Find() is null)
        {
            Skip = "The fake device is not built: cmake --build --preset test, in native.";
        }
    }
}
