using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class EvalRetrievalTests
{
    [Fact]
    public async Task EveryWayIsAskedForTheSameKeys()
    {
        using TemporaryFolder folder = new();
        string[] arguments = Arguments(folder, "--lengths", "128,256", "--section-tokens", "96", "--training-length", "136");

        JsonObject retrieval = await ToolRun.JsonAsync([.. arguments, "--csv", folder.File("a.csv"), "--plot", folder.File("a.svg")]);

        Assert.Equal(
            [
                "model", "training_length", "text", "text_tokens", "sentence", "question", "lengths", "depths", "samples", "seed", "section_tokens",
                "ways",
            ],
            retrieval.Select(entry => entry.Key));
        JsonArray ways = retrieval["ways"]!.AsArray();
        Assert.Equal(["full-state", "best-section", "first-token", "truncate", "map-reduce"], ways.Select(way => (string)way!["way"]!));
        string[] keys = [.. ways[0]!["answers"]!.AsArray().Select(answer => (string)answer!["key"]!)];
        Assert.Equal(2, keys.Distinct().Count());
        Assert.All(ways, way => Assert.Equal(keys, way!["answers"]!.AsArray().Select(answer => (string)answer!["key"]!)));

        // What fits into the training length is found in the whole; what was cut away is not.
        Assert.Equal(1, (double)ways[0]!["lengths"]![0]!["share"]!);
        Assert.Equal(1, (double)ways[1]!["lengths"]![1]!["share"]!);
        JsonArray truncated = ways[3]!["answers"]!.AsArray();
        Assert.Equal([(128, true), (256, false)], truncated.Select(answer => ((int)answer!["length"]!, (bool)answer["found"]!)));
        Assert.Equal(11, (await File.ReadAllLinesAsync(folder.File("a.csv"))).Length);
        Assert.Contains("T_train", XDocument.Load(folder.File("a.svg")).Root!.Value, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnswersAreKeptAndWaysAndLengthsAreAdded()
    {
        using TemporaryFolder folder = new();
        string[] arguments = Arguments(folder, "--training-length", "256", "--resume", folder.File("run"), "--lengths");

        await ToolRun.JsonAsync([.. arguments, "128", "--ways", "full-state"]);
        JsonObject added = await ToolRun.JsonAsync([.. arguments, "128,192", "--ways", "full-state", "truncate"]);
        JsonObject again = await ToolRun.JsonAsync([.. arguments, "128,192", "--ways", "full-state", "truncate"]);

        // The times too: nothing was asked again.
        Assert.Equal(added.ToJsonString(), again.ToJsonString());
        ToolRun rest = await ToolRun.RunAsync([.. arguments, "192,256", "--ways", "full-state", "truncate", "--estimate"]);
        Assert.Equal(0, rest.ExitCode);
        Assert.Contains("full-state       256 tokens to read", rest.Output, StringComparison.Ordinal);
        JsonObject estimate = await ToolRun.JsonAsync([.. arguments, "192,256", "--ways", "full-state", "truncate", "--estimate"]);
        Assert.Equal(("full-state", 256), ((string)estimate["ways"]![0]!["way"]!, (int)estimate["ways"]![0]!["tokens"]!));
        ToolRun other = await ToolRun.RunAsync([.. arguments, "128", "--question", "Which?"]);
        other.AssertFailed(2, "--question Which?");
    }

    [Theory]
    [InlineData("--sentence must be a text with {key}", "--sentence", "The pass key is")]
    [InlineData("--section-tokens must be from 64", "--section-tokens", "63")]
    [InlineData("has no room for a paragraph", "--lengths", "40")]
    public async Task WhatCannotBeDoneIsRefused(string message, params string[] arguments)
    {
        using TemporaryFolder folder = new();
        (await ToolRun.RunAsync(Arguments(folder, arguments))).AssertFailed(2, message);
    }

    private static string[] Arguments(TemporaryFolder folder, params string[] more)
    {
        File.WriteAllText(
            folder.File("book.txt"),
            string.Join("\n\n", Enumerable.Range(0, 30).Select(index => $"In chapter {(char)('A' + (index % 26))} nothing happens.")));
        return ["eval", "retrieval", "--file", folder.File("book.txt"), "--depths", "1", "--samples", "1", "--threads", "1", .. more];
    }
}
