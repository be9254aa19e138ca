using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class SummarizeTests : IDisposable
{
    private readonly TestDocument _document = new();

    [Fact]
    public async Task TheDocumentHasTheShapeThatScriptsKnow()
    {
        JsonObject summary = await ToolRun.JsonAsync(_document.Verb("summarize"));

        Assert.Equal(
            [
                "model", "file", "index", "bytes", "tokens", "was_read", "strategy", "text", "finish_reason", "sections", "section_summaries",
            ],
            summary.Select(entry => entry.Key));
        Assert.Equal("hierarchical", (string)summary["strategy"]!);
        Assert.NotEqual("", (string)summary["text"]!);
        Assert.Equal(new FileInfo(_document.Path).Length, (long)summary["bytes"]!);
        Assert.Equal(["The harbour", "The market"], summary["sections"]!.AsArray().Select(section => (string)section!["title"]!));
        Assert.Equal([0, 1], summary["section_summaries"]!.AsArray().Select(section => (int)section!["section"]!));
    }

    [Theory]
    [InlineData("hierarchical")]
    [InlineData("single-pass")]
    [InlineData("running")]
    public async Task PeopleGetTheTextOfTheDocumentAndItsSources(string strategy)
    {
        string[] summarize = [.. _document.Verb("summarize"), "--strategy", strategy];

        JsonObject document = await ToolRun.JsonAsync(summarize);
        ToolRun run = await ToolRun.RunAsync(summarize);

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains((string)document["text"]!, run.Output, StringComparison.Ordinal);
        Assert.Matches(@"\(from all 2 sections, bytes \d+ to \d+\)", run.Output);
    }

    [Fact]
    public async Task SectionsAreWrittenWhereTheyAreWanted()
    {
        JsonObject document = await ToolRun.JsonAsync(_document.Verb("summarize"));

        ToolRun run = await ToolRun.RunAsync([.. _document.Verb("summarize"), "--sections"]);

        Assert.Equal(0, run.ExitCode);
        Assert.StartsWith($"[0] (The harbour){Environment.NewLine}", run.Output, StringComparison.Ordinal);
        Assert.All(
            document["section_summaries"]!.AsArray(), section => Assert.Contains((string)section!["text"]!, run.Output, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("single-pass", "summarize", "a.txt", "--strategy", "all")]
    [InlineData("bullets", "summarize", "a.txt", "--style", "poem")]
    [InlineData("--words must be", "summarize", "a.txt", "--words", "0")]
    [InlineData("--section-words must be", "summarize", "a.txt", "--section-words", "0")]
    [InlineData("Required argument", "summarize")]
    public async Task BadUsageIsRefused(string message, params string[] arguments) => (await ToolRun.RunAsync(arguments)).AssertFailed(2, message);

    public void Dispose() => _document.Dispose();
}
