using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class AskTests : IDisposable
{
    private readonly TestDocument _document = new();

    [Fact]
    public async Task TheDocumentHasTheShapeThatScriptsKnowAndTheSecondQuestionDoesNotReadAgain()
    {
        string[] ask = [.. _document.Verb("ask"), "Who is the captain?", "--mode", "best-section"];

        JsonObject first = await ToolRun.JsonAsync(ask);
        JsonObject second = await ToolRun.JsonAsync(ask);

        Assert.Equal(
            ["model", "file", "index", "bytes", "tokens", "was_read", "question", "mode", "text", "finish_reason", "entropy", "section", "certainties"],
            first.Select(entry => entry.Key));
        Assert.Equal((true, false), ((bool)first["was_read"]!, (bool)second["was_read"]!));
        Assert.Equal((string)first["text"]!, (string)second["text"]!);
        Assert.Equal(["index", "title", "part", "start", "end"], first["section"]!.AsObject().Select(entry => entry.Key));
        Assert.Equal(2, first["certainties"]!.AsArray().Count);
        Assert.Equal((double)first["entropy"]!, (double)first["certainties"]![0]!["entropy"]!);
    }

    [Fact]
    public async Task PeopleGetTheAnswerAndWhereItComesFrom()
    {
        string[] ask = [.. _document.Verb("ask"), "Who is the captain?"];

        ToolRun best = await ToolRun.RunAsync([.. ask, "--mode", "best-section"]);
        ToolRun full = await ToolRun.RunAsync(ask);

        Assert.Equal((0, ""), (best.ExitCode, best.Error));
        Assert.Matches(@"\(from section [01] \(The (harbour|market)\), bytes \d+ to \d+\)", best.Output);
        Assert.DoesNotContain("(from", full.Output, StringComparison.Ordinal);
        JsonObject auto = await ToolRun.JsonAsync(ask);
        Assert.Equal("full-state", (string)auto["mode"]!);
        Assert.Null(auto["section"]);
        Assert.Equal((string)auto["text"]! + Environment.NewLine, full.Output);
    }

    [Fact]
    public async Task AChangedDocumentIsRefusedUntilItIsReadAgain()
    {
        string[] ask = [.. _document.Verb("ask"), "Who?"];
        await ToolRun.JsonAsync(ask);
        await File.AppendAllTextAsync(_document.Path, "\n\n# The end\n\nNothing more.\n");

        (await ToolRun.RunAsync(ask)).AssertFailed(1, "--refresh reads the document again");

        JsonObject again = await ToolRun.JsonAsync([.. ask, "--refresh", "--mode", "best-section"]);
        Assert.True((bool)again["was_read"]!);
        Assert.Equal(3, again["certainties"]!.AsArray().Count);
    }

    [Fact]
    public async Task AnIndexThatWasReadOtherwiseIsRefusedUntilItIsReadAgain()
    {
        string[] ask = [.. _document.Verb("ask"), "Who?"];
        await ToolRun.JsonAsync(ask);

        (await ToolRun.RunAsync([.. ask, "--section-tokens", "64"])).AssertFailed(1, "--refresh reads the document again");
        (await ToolRun.RunAsync([.. ask, "--policy", "window:4096"])).AssertFailed(1, "--refresh reads the document again");
    }

    [Fact]
    public async Task AFileThatIsNoIndexIsRefusedAndKept()
    {
        string[] ask = ["ask", _document.Path, "Who?", "--index", _document.Path];

        ToolRun refused = await ToolRun.RunAsync(ask);
        refused.AssertFailed(1, "no index");
        Assert.DoesNotContain("--refresh", refused.Error, StringComparison.Ordinal);
        (await ToolRun.RunAsync([.. ask, "--refresh"])).AssertFailed(1, "no index of a document, so it is not deleted");

        Assert.Contains("Aurora", await File.ReadAllTextAsync(_document.Path), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AMissingDocumentIsNamed() =>
        (await ToolRun.RunAsync("ask", "no-such-file.txt", "Who?", "--json")).AssertFailed(1, "no-such-file.txt");

    [Fact]
    public async Task AnEmptyDocumentIsRefused()
    {
        await File.WriteAllTextAsync(_document.Path, " \n");

        (await ToolRun.RunAsync([.. _document.Verb("ask"), "Who?"])).AssertFailed(1, "no text");
    }

    [Fact]
    public async Task AModelWithoutATokenizerIsRefused() =>
        (await ToolRun.RunAsync([.. _document.Verb("ask"), "Who?", "--model", TestFiles.Model("mamba2")])).AssertFailed(1, "tokenizer");

    [Theory]
    [InlineData("question is empty", "ask", "a.txt", " ")]
    [InlineData("Required argument", "ask", "a.txt")]
    [InlineData("best-section", "ask", "a.txt", "Who?", "--mode", "best")]
    [InlineData("--section-tokens must be", "ask", "a.txt", "Who?", "--section-tokens", "1")]
    [InlineData("--max-tokens must be", "ask", "a.txt", "Who?", "--max-tokens", "0")]
    [InlineData("--policy", "ask", "a.txt", "Who?", "--policy", "some")]
    [InlineData("--certainty-tokens must be", "ask", "a.txt", "Who?", "--certainty-tokens", "0")]
    [InlineData("--no-answer must be", "ask", "a.txt", "Who?", "--no-answer", " ")]
    public async Task BadUsageIsRefused(string message, params string[] arguments) => (await ToolRun.RunAsync(arguments)).AssertFailed(2, message);

    public void Dispose() => _document.Dispose();
}
