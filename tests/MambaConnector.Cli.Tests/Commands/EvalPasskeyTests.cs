using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class EvalPasskeyTests
{
    [Fact]
    public async Task EveryLengthAndDepthIsACell()
    {
        using TemporaryFolder folder = new();
        string[] arguments = ["eval", "passkey", "--lengths", "256,512", "--depths", "2", "--samples", "2", "--policy", "none", "window:64"];

        JsonObject passkey = await ToolRun.JsonAsync([.. arguments, "--csv", folder.File("a.csv"), "--plot", folder.File("a.svg")]);

        Assert.Equal(["model", "training_length", "lengths", "depths", "samples", "seed", "policies"], passkey.Select(entry => entry.Key));
        JsonArray policies = passkey["policies"]!.AsArray();
        Assert.Equal(["none", "window:64"], policies.Select(series => (string)series!["policy"]!));
        Assert.All(policies, series => Assert.Equal(
            [(256, 0.25), (256, 0.75), (512, 0.25), (512, 0.75)],
            series!["cells"]!.AsArray().Select(cell => ((int)cell!["length"]!, (double)cell["depth"]!))));

        // The model answers within its training length; through a window of 64 tokens it cannot see the key.
        Assert.Equal(512, (int)policies[0]!["recall_length"]!);
        Assert.Equal(1, (double)policies[0]!["lengths"]![1]!["share"]!);
        Assert.True((double)policies[1]!["lengths"]![1]!["share"]! < 1);
        Assert.Equal(9, (await File.ReadAllLinesAsync(folder.File("a.csv"))).Length);
        Assert.Contains("256", XDocument.Load(folder.File("a.svg")).Root!.Value, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FinishedCellsAreNotAskedAgainAndNewLengthsAreAdded()
    {
        using TemporaryFolder folder = new();
        string[] arguments = ["eval", "passkey", "--depths", "2", "--samples", "1", "--seed", "7", "--lengths"];

        JsonObject whole = await ToolRun.JsonAsync([.. arguments, "128,256"]);
        await ToolRun.JsonAsync([.. arguments, "256", "--resume", folder.File("run")]);
        JsonObject added = await ToolRun.JsonAsync([.. arguments, "128,256", "--resume", folder.File("run")]);
        JsonObject again = await ToolRun.JsonAsync([.. arguments, "128,256", "--resume", folder.File("run")]);

        Assert.Equal(whole.ToJsonString(), added.ToJsonString());
        Assert.Equal(whole.ToJsonString(), again.ToJsonString());
        ToolRun other = await ToolRun.RunAsync("eval", "passkey", "--depths", "2", "--samples", "1", "--seed", "8", "--resume", folder.File("run"));
        other.AssertFailed(2, "--seed 8");
    }

    [Fact]
    public async Task ATokenFilterIsGivenTheWholePromptAndNotItsAnswer()
    {
        using TemporaryFolder folder = new();
        string[] row = [.. Enumerable.Repeat($"[{string.Join(',', Enumerable.Repeat(1000, 16))}]", 18)];
        await File.WriteAllTextAsync(
            folder.File("a.json"), $$"""{"training_length":16,"rows":[{"length":64,"thresholds":[{{string.Join(',', row)}}]}]}""");
        string filter = $"filter:{folder.File("a.json")}";

        JsonObject passkey = await ToolRun.JsonAsync(
            "eval", "passkey", "--lengths", "128", "--depths", "1", "--samples", "1", "--policy", "none", filter);

        Assert.Equal(["none", filter], passkey["policies"]!.AsArray().Select(series => (string)series!["policy"]!));
        Assert.Equal([1, 0], passkey["policies"]!.AsArray().Select(series => (double)series!["lengths"]![0]!["share"]!));
    }

    [Theory]
    [InlineData(2, "--lengths takes numbers of tokens", "eval", "passkey", "--lengths", "..")]
    [InlineData(2, "--depths must be", "eval", "passkey", "--depths", "0")]
    [InlineData(2, "--samples must be", "eval", "passkey", "--samples", "0")]
    [InlineData(2, "A passkey prompt has at least", "eval", "passkey", "--lengths", "16")]
    public async Task WhatCannotBeDoneIsRefused(int exitCode, string message, params string[] arguments) =>
        (await ToolRun.RunAsync(arguments)).AssertFailed(exitCode, message);
}
