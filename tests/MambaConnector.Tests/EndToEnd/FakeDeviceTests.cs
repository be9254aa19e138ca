using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.EndToEnd;

public sealed class FakeDeviceTests
{
    [FakeDeviceFact]
    public async Task SessionsMoveRestAndOutliveItsFailures()
    {
        Dictionary<string, string> environment = new() { [FakeDevice.PathVariable] = FakeDevice.Find()! };
        Assert.Equal("done", await OwnProcess.RunAsync(environment, FakeDevice.Command));
    }
}
