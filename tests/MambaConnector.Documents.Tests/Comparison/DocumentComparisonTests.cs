using MambaConnector.Documents.Tests.Support;

namespace MambaConnector.Documents.Tests.Comparison;

public sealed class DocumentComparisonTests : IDisposable
{
    private readonly ChatModel _tiny = new();

    [Fact]
    public async Task BothDocumentsAreInOneStateAndTheFirstIsNotReadAgain()
    {
        using DocumentIndex first = await _tiny.ReadAsync(Samples.ThreeSections, "first");
        using DocumentIndex second = await _tiny.ReadAsync("A letter.\n\nNothing is new here.", "second");
        int[] secondTokens = [.. second.Sections.SelectMany(section => second.GetTokens(section.Index))];
        long evaluated = _tiny.TokensEvaluated;

        using DocumentComparison comparison = await DocumentComparison.ReadAsync(first, second);

        int[] between = first.Prompt.EncodeBlock("Now read this second document:");
        Assert.Equal(secondTokens.Length + between.Length, _tiny.TokensEvaluated - evaluated);
        string answer = await TextAsync(comparison.AskAsync("What is new?", new GenerationOptions { MaxTokens = 6 }));
        string again = await TextAsync(comparison.AskAsync("What is new?", new GenerationOptions { MaxTokens = 6 }));
        string expected = await _tiny.WriteAsync(
            [
                .. first.Prompt.Opening, .. first.Sections.SelectMany(section => first.GetTokens(section.Index)), .. between, .. secondTokens,
                .. first.Prompt.Close("What is new?"),
            ],
            6);
        Assert.NotEqual("", expected);
        Assert.Equal(expected, answer.Trim());
        Assert.Equal(answer, again);
        await Assert.ThrowsAsync<ArgumentException>(() => TextAsync(comparison.AskAsync(" ")));
        await Assert.ThrowsAsync<ArgumentException>(() => TextAsync(comparison.AskAsync("\0")));
    }

    [Fact]
    public async Task DocumentsOfDifferentModelsAreRefused()
    {
        using ChatModel other = new();
        using DocumentIndex first = await _tiny.ReadAsync("One.");
        using DocumentIndex second = await other.ReadAsync("Two.");

        await Assert.ThrowsAsync<ArgumentException>(() => DocumentComparison.ReadAsync(first, second));
    }

    public void Dispose() => _tiny.Dispose();

    private static async Task<string> TextAsync(IAsyncEnumerable<string> pieces)
    {
        List<string> all = [];
        await foreach (string piece in pieces)
        {
            all.Add(piece);
        }

        return string.Concat(all);
    }
}
