using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class InspectStateTests
{
    private static readonly string[] _keys =
    [
        "model", "policy", "token_count", "every", "training_length", "layer_count", "head_count", "heads", "positions", "series",
    ];

    private static readonly string[] _headKeys =
    [
        "layer", "head", "mean", "variance", "norm", "rms", "max_abs", "outlier", "retention", "horizon", "growth", "channels",
    ];

    [Theory]
    [InlineData("mamba2", 8)]
    [InlineData("mamba1", 2)]
    public async Task TheDocumentHasEveryHeadAndTheMostExtremeOverTime(string model, int heads)
    {
        JsonObject state = await ToolRun.JsonAsync(
            "inspect", "state", "--model", TestFiles.Model(model), "--tokens", RandomTokens.Create(200), "--length", "160", "--every", "64", "--top", "3");

        Assert.Equal(_keys, state.Select(entry => entry.Key));
        Assert.Equal(160, (int)state["token_count"]!);
        Assert.Equal([64, 128, 160], state["positions"]!.AsArray().Select(position => (int)position!));
        JsonObject[] all = [.. state["heads"]!.AsArray().Select(head => head!.AsObject())];
        Assert.Equal(3 * heads, all.Length);
        Assert.All(all, head =>
        {
            Assert.Equal(_headKeys, head.Select(entry => entry.Key));
            Assert.True((double)head["norm"]! > 0);
            Assert.True((double)head["outlier"]! >= 1);
            Assert.InRange((double)head["retention"]!, 0, 1);
            Assert.Null(head["growth"]);
            Assert.Equal(3, head["channels"]!.AsArray().Count);
            Assert.Equal((double)head["variance"]! + Math.Pow((double)head["mean"]!, 2), Math.Pow((double)head["rms"]!, 2), 1e-4);
        });

        JsonObject[] series = [.. state["series"]!.AsArray().Select(entry => entry!.AsObject())];
        Assert.Equal(
            all.OrderByDescending(head => (double)head["norm"]!).Take(3).Select(head => ((int)head["layer"]!, (int)head["head"]!)),
            series.Select(entry => ((int)entry["layer"]!, (int)entry["head"]!)));
        Assert.All(series, entry => Assert.Equal(3, entry["norm"]!.AsArray().Count));
    }

    [Fact]
    public async Task TablesAndPicturesAreWritten()
    {
        using TemporaryFolder folder = new();
        string map = folder.File("map.svg"), lines = folder.File("lines.svg"), table = folder.File("table.csv");
        ToolRun run = await ToolRun.RunAsync(
            "inspect", "state", "--model", TestFiles.Model("mamba2"), "--tokens", RandomTokens.Create(96), "--every", "32", "--by", "outlier",
            "--plot", map, "--over-time", lines, "--csv", table, "--training-length", "64");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("policy none, 96 tokens read; the most extreme of 24 heads", run.Output, StringComparison.Ordinal);
        Assert.Equal(8 + 2, run.Output.TrimEnd().Split('\n').Length);
        string[] rows = await File.ReadAllLinesAsync(table);
        Assert.Equal(1 + (3 * 24), rows.Length);
        Assert.All(rows, row => Assert.Equal(13, row.Split(',').Length));
        Assert.Equal("svg", XDocument.Load(map).Root!.Name.LocalName);
        Assert.Contains("T_train", XDocument.Load(lines).Descendants().Where(element => element.Name.LocalName == "text").Select(text => text.Value));
    }

    [Fact]
    public async Task PastTheTrainingLengthGrowthIsTold()
    {
        JsonObject state = await ToolRun.JsonAsync(
            "inspect", "state", "--model", TestFiles.Model("mamba2"), "--tokens", RandomTokens.Create(96), "--every", "32", "--training-length", "64");

        Assert.Equal(64, (int)state["training_length"]!);
        Assert.All(state["heads"]!.AsArray(), head => Assert.True((double)head!["growth"]! > 0));
    }

    [Theory]
    [InlineData(2, "--every must be", "--tokens", "5,6", "--every", "0")]
    [InlineData(2, "--length takes", "--tokens", "5,6", "--length", "x")]
    [InlineData(2, "--policy", "--tokens", "5,6", "--policy", "sometimes")]
    [InlineData(2, "--plot must be", "--tokens", "5,6", "--plot", "a.png")]
    [InlineData(2, "Give exactly one of", "--every", "64")]
    [InlineData(1, "2 tokens and --length asks for 3", "--tokens", "5,6", "--length", "3")]
    public async Task WhatMakesNoSenseIsRefused(int exitCode, string message, params string[] arguments) =>
        (await ToolRun.RunAsync(["inspect", "state", "--model", TestFiles.Model("mamba2"), .. arguments])).AssertFailed(exitCode, message);
}
