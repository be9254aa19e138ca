using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class DevicesTests
{
    [Fact]
    public async Task The_processor_comes_first_and_the_others_say_why_they_are_not_there()
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
    public async Task People_get_a_line_a_device()
    {
        ToolRun run = await ToolRun.RunAsync("devices");

        Assert.Equal(0, run.ExitCode);
        Assert.StartsWith("cpu ", run.Output, StringComparison.Ordinal);
        Assert.Contains("not usable: ", run.Output, StringComparison.Ordinal);
    }
}
