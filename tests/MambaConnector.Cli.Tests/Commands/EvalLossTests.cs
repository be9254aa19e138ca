using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class EvalLossTests
{
    private const string Text = "Once upon a time there was a cat who lived in a mill. She had three sons, and the youngest could sing.\n";

    [Fact]
    public async Task BucketsAreTheMeansOfWhatScoreGives()
    {
        using TemporaryFolder folder = new();
        await File.WriteAllTextAsync(folder.File("a.txt"), Text);
        JsonArray ids = (await ToolRun.JsonAsync("tokenize", "--text", Text))["ids"]!.AsArray();
        int[] tokens = [.. Enumerable.Range(0, 200).Select(position => (int)ids[position % ids.Count]!)];
        JsonArray scored = (await ToolRun.JsonAsync("score", "--tokens", string.Join(',', tokens)))["logprobs"]!.AsArray();

        JsonObject loss = await ToolRun.JsonAsync("eval", "loss", "--file", folder.File("a.txt"), "--length", "200", "--bucket", "64");

        Assert.Equal(
            ["model", "text", "text_tokens", "length", "repeats", "training_length", "step_width", "policies"], loss.Select(entry => entry.Key));
        Assert.Equal(200.0 / ids.Count, (double)loss["repeats"]!, 9);
        JsonObject series = Assert.Single(loss["policies"]!.AsArray())!.AsObject();
        Assert.Equal("none", (string)series["policy"]!);
        JsonArray buckets = series["buckets"]!.AsArray(), steps = series["steps"]!.AsArray();
        Assert.Equal(8, buckets.Count);
        Assert.Equal(4, steps.Count);
        foreach (JsonNode? bucket in buckets.Concat(steps))
        {
            int start = (int)bucket!["start"]!, end = (int)bucket["end"]!;
            Assert.Equal(scored.Skip(start).Take(end - start).Average(value => -(double)value!), (double)bucket["loss"]!, 2e-3);
        }
    }

    [Fact]
    public async Task EachPolicyIsASeriesInTheDocumentTheTableAndThePlot()
    {
        using TemporaryFolder folder = new();
        string csv = folder.File("loss.csv"), svg = folder.File("loss.svg");

        JsonObject loss = await ToolRun.JsonAsync(
            "eval", "newlines", "--length", "600", "--training-length", "256", "--state", "--policy", "none", "window:64", "--policy", "delta:0.5",
            "--csv", csv, "--plot", svg, "--resume", folder.File("run"));

        JsonObject[] series = [.. loss["policies"]!.AsArray().Select(node => node!.AsObject())];
        Assert.Equal(["none", "window:64", "delta:0.5"], series.Select(one => (string)one["policy"]!));
        Assert.All(series, one =>
        {
            Assert.True((double)one["maximum_loss_within"]! > 0);
            Assert.NotNull(one["collapsed"]);
            Assert.True((double)one["buckets"]![9]!["norm_ratio"]! > 0);
            Assert.Null(one["buckets"]![3]!["norm_ratio"]);
        });
        Assert.True((long)series[1]["state_bytes"]! > (long)series[0]["state_bytes"]!);
        string[] lines = await File.ReadAllLinesAsync(csv);
        Assert.Equal("policy,division,start,end,loss,norm_ratio", lines[0]);
        Assert.Equal(1 + series.Sum(one => one["buckets"]!.AsArray().Count + one["steps"]!.AsArray().Count), lines.Length);
        Assert.Contains("window:64", XDocument.Load(svg).Root!.Value, StringComparison.Ordinal);
    }

    [Fact]
    public async Task PeopleGetATableAndAVerdict()
    {
        ToolRun run = await ToolRun.RunAsync("eval", "newlines", "--length", "300", "--training-length", "128");

        Assert.Equal("", run.Error);
        Assert.Contains("128 to 256", run.Output, StringComparison.Ordinal);
        Assert.Contains("none: ", run.Output, StringComparison.Ordinal);
        Assert.Contains("past the training length", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AResumeFileOfOtherOptionsIsBadUsage()
    {
        using TemporaryFolder folder = new();
        await ToolRun.JsonAsync("eval", "newlines", "--length", "100", "--resume", folder.File("run"));

        (await ToolRun.RunAsync("eval", "newlines", "--length", "200", "--resume", folder.File("run"))).AssertFailed(2, "--length 200");
    }

    [Fact]
    public async Task PoliciesFromFilesAreWhatTheUserCallsThem()
    {
        using TemporaryFolder folder = new();
        string[] calibrate = ["eval", "calibrate", "--text", string.Concat(Enumerable.Repeat(Text, 12)), "--length", "128", "--output"];
        await ToolRun.JsonAsync([.. calibrate, folder.File("a.json")]);
        string norm = $"norm:{folder.File("a.json")}", halved = $"{norm},0.5", tight = $"norm:{folder.File("b.json")}";
        JsonObject baseline = JsonNode.Parse(await File.ReadAllTextAsync(folder.File("a.json")))!.AsObject();
        foreach (JsonArray norms in baseline["layers"]!.AsArray().Select(layer => layer!["norm"]!.AsArray()))
        {
            for (int head = 0; head < norms.Count; head++)
            {
                norms[head] = 0.01 * (double)norms[head]!;
            }
        }

        await File.WriteAllTextAsync(folder.File("b.json"), baseline.ToJsonString());
        string filter = $"filter:{folder.File("table.json")}", everything = "filter:" + folder.File("nothing.json");
        JsonObject shape = (await ToolRun.JsonAsync("inspect", "state", "--text", "a b")).AsObject();
        await File.WriteAllTextAsync(folder.File("table.json"), Table(shape, 0));
        await File.WriteAllTextAsync(folder.File("nothing.json"), Table(shape, 1000));
        string[] policies = ["none", norm, halved, tight, filter, everything];
        string[] arguments = ["eval", "newlines", "--length", "160", "--training-length", "128", "--resume", folder.File("run"), "--policy"];

        JsonObject loss = await ToolRun.JsonAsync([.. arguments, .. policies]);

        Assert.Equal(policies, loss["policies"]!.AsArray().Select(series => (string)series!["policy"]!));
        double[] found = [.. loss["policies"]!.AsArray().Select(series => (double)series!["buckets"]![7]!["loss"]!)];
        Assert.Equal(found[0], found[4]);
        Assert.NotEqual(found[1], found[3]);
        Assert.NotEqual(found[0], found[5]);

        // What was found with a file's content is not taken for what other content does.
        File.Move(folder.File("b.json"), folder.File("a.json"), overwrite: true);
        JsonObject again = await ToolRun.JsonAsync([.. arguments, norm]);
        Assert.Equal(found[3], (double)again["policies"]![0]!["buckets"]![7]!["loss"]!);
    }

    [Fact]
    public async Task ATableOfAnotherShapeIsBadUsage()
    {
        using TemporaryFolder folder = new();
        await File.WriteAllTextAsync(folder.File("a.json"), """{"training_length":16,"rows":[{"length":64,"thresholds":[[1,1],[1,1]]}]}""");

        (await ToolRun.RunAsync("eval", "newlines", "--length", "64", "--policy", $"filter:{folder.File("a.json")}")).AssertFailed(2, "layers");
    }

    private static string Table(JsonObject shape, float threshold)
    {
        string row = $"[{string.Join(',', Enumerable.Repeat(threshold, (int)shape["head_count"]!))}]";
        string rows = string.Join(',', Enumerable.Repeat(row, (int)shape["layer_count"]!));
        return $$"""{"training_length":16,"rows":[{"length":64,"thresholds":[{{rows}}]}]}""";
    }

    [Theory]
    [InlineData(2, "no-such-table", "eval", "newlines", "--policy", "filter:no-such-table")]
    [InlineData(2, "--file", "eval", "loss")]
    [InlineData(2, "--length must be at least 2", "eval", "newlines", "--length", "1")]
    [InlineData(2, "--length takes a number of tokens", "eval", "newlines", "--length", "many")]
    [InlineData(2, "--bucket takes a number of tokens", "eval", "newlines", "--bucket", "0")]
    [InlineData(2, "'nothing'", "eval", "newlines", "--policy", "nothing")]
    [InlineData(2, "ends in .svg", "eval", "newlines", "--plot", "a.png")]
    [InlineData(2, "ends in .csv", "eval", "newlines", "--csv", "a.txt")]
    [InlineData(2, "There is no folder", "eval", "newlines", "--plot", "no-such-folder/a.svg")]
    [InlineData(2, "There is no folder", "eval", "newlines", "--resume", "no-such-folder/run")]
    [InlineData(1, "no-such-file", "eval", "loss", "--file", "no-such-file")]
    public async Task WhatCannotBeDoneIsRefused(int exitCode, string message, params string[] arguments) =>
        (await ToolRun.RunAsync(arguments)).AssertFailed(exitCode, message);
}
