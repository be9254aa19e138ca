using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class EvalMergeTests
{
    [Fact]
    public async Task EveryWayHasALossAndAShare()
    {
        using TemporaryFolder folder = new();
        await File.WriteAllTextAsync(
            folder.File("book.txt"),
            string.Join("\n\n", Enumerable.Range(0, 30).Select(index => $"In chapter {(char)('A' + (index % 26))} nothing happens.")));

        JsonObject merge = await ToolRun.JsonAsync(
            "eval", "merge", "--file", folder.File("book.txt"), "--parts", "1", "--part-tokens", "64", "--continuation", "16", "--samples", "1",
            "--threads", "1", "--csv", folder.File("a.csv"), "--plot", folder.File("a.svg"));

        JsonArray cells = merge["cells"]!.AsArray();
        string[] ways =
            ["read one after another", "merged, concatenate", "merged, cyclic", "merged, all orders", "the last part alone", "the key's part alone"];
        Assert.Equal(ways.Select(way => (1, way)), cells.Select(cell => ((int)cell!["parts"]!, (string)cell["way"]!)));
        Assert.All(cells, cell => Assert.Equal((string)cell!["way"]! != ways[^1], cell["loss"] is not null));

        // One part, merged with nothing, is itself; in another order too, but for its window.
        Assert.Equal((double)cells[0]!["loss"]!, (double)cells[1]!["loss"]!, 1e-3);
        Assert.True((double)cells[2]!["loss"]! > (double)cells[1]!["loss"]!);
        Assert.Equal((double)cells[2]!["loss"]!, (double)cells[3]!["loss"]!, 1e-3);
        Assert.All(cells, cell => Assert.Equal(1, (double)cell!["found"]!));
        Assert.Equal(7, (await File.ReadAllLinesAsync(folder.File("a.csv"))).Length);
        Assert.True(File.Exists(folder.File("a.svg")));
    }

    [Theory]
    [InlineData("--parts takes numbers from 1 to 256", "--parts", "2,x")]
    [InlineData("--parts takes numbers from 1 to 256", "--parts", "257")]
    [InlineData("--part-tokens must be", "--part-tokens", "63")]
    public async Task WhatCannotBeDoneIsRefused(string message, params string[] arguments) =>
        (await ToolRun.RunAsync(["eval", "merge", "--file", "book.txt", .. arguments])).AssertFailed(2, message);
}
