using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.EndToEnd;

public sealed class FakeDeviceTests
{
    [FakeDeviceFact]
    public async Task SessionsMoveRestAndOutliveItsFailures() => Assert.Equal(
        "done", await OwnProcess.RunAsync(new Dictionary<string, string> { [FakeDevice.PathVariable] = FakeDevice.Find()! }, FakeDevice.Command));
}
