using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class DevicesTests
{
    [Fact]
    public async Task TheProcessorComesFirstAndTheOthersSayWhyTheyAreNotThere()
    {
        JsonArray devices = (await ToolRun.JsonAsync("devices"))["devices"]!.AsArray();

        Assert.Equal("cpu", (string)devices[0]!["device"]!);
        Assert.True((bool)devices[0]!["usable"]!);
        Assert.Null(devices[0]!["reason"]);
        Assert.Contains((string)devices[0]!["isa"]!, (string[])["scalar", "avx2", "avx512", "amx", "neon"]);
        Assert.Contains(devices, device => ((string)device!["device"]!).StartsWith("cuda", StringComparison.Ordinal));
        Assert.All(devices.Where(device => !(bool)device!["usable"]!), device => Assert.NotEqual("", (string)device!["reason"]!));
    }

    [Fact]
    public async Task PeopleGetALineADevice()
    {
        ToolRun run = await ToolRun.RunAsync("devices");

        Assert.Equal(0, run.ExitCode);
        Assert.StartsWith("cpu ", run.Output, StringComparison.Ordinal);
        Assert.Contains("not usable: ", run.Output, StringComparison.Ordinal);
    }
}
