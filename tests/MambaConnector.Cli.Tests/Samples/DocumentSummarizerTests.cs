using SummarizerSample;

namespace MambaConnector.Cli.Tests.Samples;

public sealed class DocumentSummarizerTests : IDisposable
{
    private readonly TestDocument _document = new();

    [Fact]
    public async Task ADocumentIsReadSummarisedAndAsked()
    {
        (int exitCode, string output, string error) = await RunAsync(_document.Path, "--section-words", "2", "--question", "Who is the captain?");

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Contains("39 million parameters", output, StringComparison.Ordinal);
        Assert.Contains("[0 The harbour] ", output, StringComparison.Ordinal);
        Assert.Contains("[1 The market] ", output, StringComparison.Ordinal);
        Assert.Contains("[the whole document] ", output, StringComparison.Ordinal);
        Assert.Contains("(from the sections 0, 1)", output, StringComparison.Ordinal);
        Assert.Contains("> Who is the captain?", output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', output);
    }

    [Theory]
    [InlineData(1, "no-such-file", "no-such-file.txt")]
    [InlineData(2, "--colour", "a.txt", "--colour")]
    [InlineData(2, "--section-words", "a.txt", "--section-words", "0")]
    public async Task WhatCannotBeDoneIsSaidInASentence(int exitCode, string message, params string[] arguments)
    {
        (int actual, _, string error) = await RunAsync(arguments);

        Assert.Equal(exitCode, actual);
        Assert.StartsWith("DocumentSummarizer: ", error, StringComparison.Ordinal);
        Assert.Contains(message, error, StringComparison.Ordinal);
    }

    [Fact]
    public void TheTextThatTheSampleShipsIsThereWithItsLicence()
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "text");

        Assert.InRange(new FileInfo(Path.Combine(folder, "the-wrong-box.txt")).Length, 50_000, 200_000);
        Assert.Contains("public domain", File.ReadAllText(Path.Combine(folder, "LICENSE.txt")), StringComparison.Ordinal);
    }

    public void Dispose() => _document.Dispose();

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using StringWriter output = new();
        using StringWriter error = new();
        int exitCode = await SummarizerProgram.RunAsync(arguments, output, error, isTerminal: false);
        return (exitCode, output.ToString(), error.ToString());
    }
}
