using MambaConnector.Documents.Responders;
using MambaConnector.Documents.Summaries;
using MambaConnector.Documents.Tests.Support;

namespace MambaConnector.Documents.Tests.Summaries;

public sealed class SummaryRunTests
{
    [Fact]
    public async Task EverySectionIsSummarisedAndThenTheirSummaries()
    {
        EchoClient client = new(message => message.Contains("summaries of its parts", StringComparison.Ordinal) ? "All of it." : $"About {Letter(message)}.");

        List<DocumentSummaryUpdate> updates = await RunAsync(client, new DocumentSummaryOptions(), "a", "b", "c");

        DocumentSummary summary = updates[^1].Summary!;
        Assert.Equal("All of it.", summary.Text);
        Assert.Equal([0, 1, 2], summary.Sections.Select(section => section.Index));
        Assert.Equal(["About a.", "About b.", "About c."], summary.SectionSummaries.Select(section => section.Text));
        Assert.Equal(4, client.Messages.Count);
        Assert.Contains("Title 1:\nAbout b.", client.Messages[3], StringComparison.Ordinal);
        Assert.Equal("All of it.", string.Concat(updates.Where(update => update.Phase == DocumentSummaryPhase.Document).Select(update => update.Text)));
        Assert.Equal([0], updates[0].Sections.Select(section => section.Index));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(40)]
    public async Task NoPromptIsLongerThanAllowedAndAllSectionsArrive(int count)
    {
        // A client that always says as much as it can, beyond what it was asked for.
        EchoClient client = new(_ => new string('x', 5000));
        DocumentSummaryOptions options = new() { MaxPromptCharacters = 2000 };

        List<DocumentSummaryUpdate> updates = await RunAsync(client, options, [.. Enumerable.Range(0, count).Select(_ => new string('w', 3000))]);

        Assert.All(client.Messages, message => Assert.InRange(message.Length, 1, 2000 + 300));
        Assert.Equal(Enumerable.Range(0, count), updates[^1].Summary!.Sections.Select(section => section.Index));
    }

    [Fact]
    public async Task ALongSectionIsSummarisedInPartsAndNoneOfItIsLost()
    {
        EchoClient client = new(_ => "Short.");
        string text = string.Join(' ', Enumerable.Range(0, 600).Select(number => $"word{number}"));

        List<DocumentSummaryUpdate> updates = await RunAsync(client, new DocumentSummaryOptions { MaxPromptCharacters = 1000 }, text, "b");

        string read = string.Concat(client.Messages);
        Assert.All(Enumerable.Range(0, 600), number => Assert.Contains($"word{number}", read, StringComparison.Ordinal));
        Assert.Equal([0, 1], updates[^1].Summary!.SectionSummaries.Select(section => section.Section.Index));
    }

    [Fact]
    public async Task ASectionThatSaysNothingIsNotCited()
    {
        EchoClient client = new(message => message.Contains("\nb\n", StringComparison.Ordinal) ? " " : "Something.");

        List<DocumentSummaryUpdate> updates = await RunAsync(client, new DocumentSummaryOptions(), "a", "b", "c");

        Assert.Equal([0, 2], updates[^1].Summary!.Sections.Select(section => section.Index));
    }

    [Fact]
    public async Task OneSectionThatSaysSomethingIsTheSummary()
    {
        EchoClient client = new(message => message.Contains("\nb\n", StringComparison.Ordinal) ? "Only this." : "");

        List<DocumentSummaryUpdate> updates = await RunAsync(client, new DocumentSummaryOptions(), "a", "b", "c");

        Assert.Equal("Only this.", updates[^1].Summary!.Text);
        Assert.Equal("Only this.", string.Concat(updates.Where(update => update.Phase == DocumentSummaryPhase.Document).Select(update => update.Text)));
        Assert.Equal([1], updates[^1].Summary!.Sections.Select(section => section.Index));
    }

    [Fact]
    public async Task OneSectionIsAskedForTheWholeSummaryAtOnce()
    {
        EchoClient client = new(_ => "Done.");

        List<DocumentSummaryUpdate> updates = await RunAsync(client, new DocumentSummaryOptions { Words = 77 }, "a");

        Assert.Equal("Done.", updates[^1].Summary!.Text);
        Assert.Contains("77 words", Assert.Single(client.Messages), StringComparison.Ordinal);
        Assert.All(updates, update => Assert.Equal(DocumentSummaryPhase.Document, update.Phase));
    }

    [Fact]
    public async Task ARunningSummaryIsCarriedFromSectionToSection()
    {
        int count = 0;
        EchoClient client = new(_ => $"Summary {++count}.");

        List<DocumentSummaryUpdate> updates = await RunAsync(
            client, new DocumentSummaryOptions { Strategy = DocumentSummaryStrategy.Running }, "a", "b", "c");

        Assert.Equal("Summary 3.", updates[^1].Summary!.Text);
        Assert.Equal([0, 1, 2], updates[^1].Summary!.Sections.Select(section => section.Index));
        Assert.Contains("Summary 2.", client.Messages[2], StringComparison.Ordinal);
        Assert.Contains("\nc\n", client.Messages[2], StringComparison.Ordinal);
        Assert.DoesNotContain("\nb\n", client.Messages[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARunningSummaryOutlivesASectionThatTheModelIsSilentAbout()
    {
        EchoClient client = new(message => message.Contains("\na\n", StringComparison.Ordinal) ? "First." : "");

        List<DocumentSummaryUpdate> updates = await RunAsync(
            client, new DocumentSummaryOptions { Strategy = DocumentSummaryStrategy.Running }, "a", "b", "c");

        Assert.Equal("First.", updates[^1].Summary!.Text);
        Assert.Contains("First.", client.Messages[2], StringComparison.Ordinal);
        Assert.Equal("First.", string.Concat(updates.Where(update => update.Phase == DocumentSummaryPhase.Document).Select(update => update.Text)));
    }

    [Fact]
    public async Task ARunningSummaryCitesNoSectionThatCameOutEmpty()
    {
        EchoClient client = new(message => message.Contains("\nb\n", StringComparison.Ordinal) ? " " : "Something.");

        List<DocumentSummaryUpdate> updates = await RunAsync(
            client, new DocumentSummaryOptions { Strategy = DocumentSummaryStrategy.Running }, "a", "b", "c");

        Assert.Equal([0, 2], updates[^1].Summary!.Sections.Select(section => section.Index));
        Assert.Equal(["Something.", "", "Something."], updates[^1].Summary!.SectionSummaries.Select(section => section.Text));
    }

    [Fact]
    public async Task ASinglePassAsksOnceAndRefusesWhatDoesNotFit()
    {
        EchoClient client = new(_ => "Whole.");
        DocumentSummaryOptions options = new() { Strategy = DocumentSummaryStrategy.SinglePass, MaxPromptCharacters = 1000 };

        List<DocumentSummaryUpdate> updates = await RunAsync(client, options, "a", "b");

        Assert.Equal("Whole.", updates[^1].Summary!.Text);
        Assert.Contains("a\n\nb", Assert.Single(client.Messages), StringComparison.Ordinal);
        InvalidDataException refusal = await Assert.ThrowsAsync<InvalidDataException>(() => RunAsync(client, options, new string('w', 1500)));
        Assert.Contains("Hierarchical", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(DocumentSummaryStrategy.Hierarchical)]
    [InlineData(DocumentSummaryStrategy.Running)]
    [InlineData(DocumentSummaryStrategy.SinglePass)]
    public async Task ADocumentWithoutTextIsRefused(DocumentSummaryStrategy strategy)
    {
        EchoClient client = new(_ => "?");

        await Assert.ThrowsAsync<InvalidDataException>(() => RunAsync(client, new DocumentSummaryOptions { Strategy = strategy }));

        Assert.Empty(client.Messages);
    }

    [Fact]
    public async Task TheClientIsToldWhatTheOptionsSay()
    {
        EchoClient client = new(_ => "Done.");
        DocumentSummaryOptions options = new()
        {
            Style = DocumentSummaryStyle.Bullets,
            Language = "German",
            Focus = "the prices",
            Words = 20,
            Generation = new GenerationOptions { Seed = 7, TopP = 0.5f },
        };

        await RunAsync(client, options, "a");

        Assert.Contains("list of points", client.Messages[0], StringComparison.Ordinal);
        Assert.Contains("in German", client.Messages[0], StringComparison.Ordinal);
        Assert.Contains("Pay attention to the prices", client.Messages[0], StringComparison.Ordinal);
        Assert.Equal((92, 0f, 7L, 0.5f), (client.Options[0]!.MaxOutputTokens, client.Options[0]!.Temperature, client.Options[0]!.Seed, client.Options[0]!.TopP));
    }

    [Fact]
    public async Task CancellationEndsItBetweenPieces()
    {
        using CancellationTokenSource source = new();
        EchoClient client = new(_ => "Something.");
        await using IAsyncEnumerator<DocumentSummaryUpdate> updates = Updates(client, new DocumentSummaryOptions(), source.Token, "a", "b").GetAsyncEnumerator();
        Assert.True(await updates.MoveNextAsync());

        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await updates.MoveNextAsync());
        Assert.Single(client.Messages);
    }

    [Theory]
    [InlineData(0, 60, null)]
    [InlineData(150, 0, null)]
    [InlineData(150, 60, 999)]
    public void OptionsOutOfRangeAreRefused(int words, int sectionWords, int? characters) => Assert.Throws<ArgumentOutOfRangeException>(
        new DocumentSummaryOptions { Words = words, SectionWords = sectionWords, MaxPromptCharacters = characters }.Check);

    private static string Letter(string message) => message.Split('\n')[2];

    private static async Task<List<DocumentSummaryUpdate>> RunAsync(EchoClient client, DocumentSummaryOptions options, params string[] sections)
    {
        List<DocumentSummaryUpdate> updates = [];
        await foreach (DocumentSummaryUpdate update in Updates(client, options, CancellationToken.None, sections))
        {
            updates.Add(update);
        }

        return updates;
    }

    private static IAsyncEnumerable<DocumentSummaryUpdate> Updates(
        EchoClient client, DocumentSummaryOptions options, CancellationToken cancellationToken, params string[] sections) =>
        new SummaryRun(new ChatResponder(client, options.MaxPromptCharacters ?? 24_000), options).RunAsync(new ListSource(sections), cancellationToken);

    /// <summary>A document of sections that are there.</summary>
    private sealed class ListSource(string[] texts) : SummarySource
    {
        public override async IAsyncEnumerable<(DocumentSection Section, Func<string> Text)> SectionsAsync(
            [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            for (int index = 0; index < texts.Length; index++)
            {
                string text = texts[index];
                yield return (new DocumentSection(index, 1, $"Title {index}", 1, index * 10, (index * 10) + 10, 0, 0), () => text);
            }
        }
    }
}
