using System.Text;
using MambaConnector.Documents.Summaries;
using MambaConnector.Documents.Tests.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Documents.Tests.Summaries;

public sealed class DocumentSummarizerTests : IDisposable
{
    private static readonly DocumentSummaryOptions _options = new() { Generation = new GenerationOptions { MaxTokens = 6 } };

    private readonly ChatModel _tiny = new();

    [Fact]
    public async Task ASinglePassSaysWhatReadingAndAskingInOneGoSays()
    {
        using DocumentIndex index = await _tiny.ReadAsync(Samples.ThreeSections);
        DocumentSummaryOptions options = _options with { Strategy = DocumentSummaryStrategy.SinglePass };

        DocumentSummary summary = await new DocumentSummarizer().SummarizeAsync(index, options);

        string expected = await _tiny.WriteAsync(
            [.. index.Prompt.Opening, .. Tokens(index, 0, 1, 2), .. index.Prompt.Close(new SummaryInstructions(options).Document)], 6);
        Assert.NotEqual("", expected);
        Assert.Equal(expected, summary.Text);
        Assert.Equal([0, 1, 2], summary.Sections.Select(section => section.Index));
        Assert.Equal(["The harbour", "The market", "The mill"], summary.Sections.Select(section => section.Title));
        Assert.StartsWith("The market", Samples.ThreeSections[(int)summary.Sections[1].Start..], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SectionsSayWhatReadingThemAndAskingInOneGoSays(bool knowWhatCameBefore)
    {
        using DocumentIndex index = await _tiny.ReadAsync(Samples.ThreeSections);
        DocumentSummaryOptions options = _options with { SectionsKnowWhatCameBefore = knowWhatCameBefore };

        DocumentSummary summary = await new DocumentSummarizer().SummarizeAsync(index, options);

        string expected = await _tiny.WriteAsync(
            [
                .. index.Prompt.Opening, .. knowWhatCameBefore ? Tokens(index, 0, 1) : Tokens(index, 1),
                .. index.Prompt.Close(new SummaryInstructions(options).Section),
            ],
            6);
        Assert.Equal(expected, summary.SectionSummaries[1].Text);
        Assert.Equal(3, summary.SectionSummaries.Count);
    }

    [Theory]
    [InlineData(DocumentSummaryStrategy.Hierarchical)]
    [InlineData(DocumentSummaryStrategy.Running)]
    [InlineData(DocumentSummaryStrategy.SinglePass)]
    public async Task WhatIsFinishedIsNotDoneAgain(DocumentSummaryStrategy strategy)
    {
        DocumentSummaryOptions options = _options with { Strategy = strategy };
        DocumentSummary first;
        using (DocumentIndex index = await _tiny.ReadAsync(Samples.ThreeSections))
        {
            first = await new DocumentSummarizer().SummarizeAsync(index, options);
        }

        using DocumentIndex again = DocumentIndex.Open(_tiny.Model, _tiny.PathOf("document"));
        long evaluated = _tiny.TokensEvaluated;
        DocumentSummary second = await new DocumentSummarizer().SummarizeAsync(again, options);

        Assert.Equal(evaluated, _tiny.TokensEvaluated);
        Assert.Equal(first.Text, second.Text);
        Assert.Equal(first.SectionSummaries, second.SectionSummaries);
    }

    [Fact]
    public async Task ASummaryThatWasLeftGoesOnBehindItsLastFinishedSection()
    {
        using DocumentIndex index = await _tiny.ReadAsync(Samples.ThreeSections);
        DocumentSummary whole = await new DocumentSummarizer().SummarizeAsync(index, _options with { JournalPath = _tiny.PathOf("other") });
        List<string> before = [];
        await foreach (DocumentSummaryUpdate update in new DocumentSummarizer().SummarizeStreamingAsync(index, _options))
        {
            before.Add(update.Text);
            if (update.Sections[^1].Index == 2)
            {
                break;
            }
        }

        List<DocumentSummaryUpdate> after = [];
        await foreach (DocumentSummaryUpdate update in new DocumentSummarizer().SummarizeStreamingAsync(index, _options))
        {
            after.Add(update);
        }

        // A section that was finished comes in one piece.
        Assert.Single(after, update => update.Phase == DocumentSummaryPhase.Section && update.Sections[^1].Index == 1);
        Assert.True(after.Count(update => update.Sections[^1].Index == 2) > 1);
        Assert.Equal(whole.Text, after[^1].Summary!.Text);
    }

    [Fact]
    public async Task ASummaryNeedsNoJournalUnlessItWasAskedFor()
    {
        using DocumentIndex index = await _tiny.ReadAsync(Samples.ThreeSections);
        using FileStream taken = new($"{index.Path}.summaries", FileMode.Create, FileAccess.ReadWrite, FileShare.None);

        DocumentSummary summary = await new DocumentSummarizer().SummarizeAsync(index, _options);

        Assert.Equal(3, summary.SectionSummaries.Count);
        await Assert.ThrowsAsync<IOException>(() => new DocumentSummarizer().SummarizeAsync(index, _options with { JournalPath = taken.Name }));
    }

    [Fact]
    public async Task AClientOfTheSameModelUsesStatesAndReadsADocumentWithoutAnIndexOnce()
    {
        using DocumentIndex index = await _tiny.ReadAsync(Samples.ThreeSections);
        using IChatClient client = _tiny.Model.AsIChatClient();
        DocumentSummaryOptions options = _options with { Format = DocumentFormat.Markdown };

        DocumentSummary alone = await new DocumentSummarizer().SummarizeAsync(index, options with { JournalPath = _tiny.PathOf("first") });
        DocumentSummary byClient = await new DocumentSummarizer(client).SummarizeAsync(index, options with { JournalPath = _tiny.PathOf("second") });

        Assert.Equal(alone.Text, byClient.Text);
        using MemoryStream document = new(Encoding.UTF8.GetBytes("# Alone\n\nThis is all."));
        DocumentSummary fromStream = await new DocumentSummarizer(client).SummarizeAsync(document, options);
        Assert.Equal("Alone", Assert.Single(fromStream.Sections).Title);
        Assert.True(Assert.Single(fromStream.Sections).TokenCount > 0);
    }

    [Fact]
    public async Task AnotherModelsClientIsGivenTextAndMadeToSummariseAStreamAsItComes()
    {
        using DocumentIndex index = await _tiny.ReadAsync(Samples.ThreeSections);
        EchoClient client = new(message => message.Contains("apples", StringComparison.Ordinal) ? "Apples." : "Other.");
        using MemoryStream document = new(Encoding.UTF8.GetBytes(Samples.ThreeSections));

        DocumentSummary fromIndex = await new DocumentSummarizer(client).SummarizeAsync(index);
        int messages = client.Messages.Count;
        DocumentSummary fromStream = await new DocumentSummarizer(client).SummarizeAsync(
            document, new DocumentSummaryOptions { Format = DocumentFormat.Markdown });

        Assert.Equal(4, messages);
        Assert.Equal(["Other.", "Apples.", "Other."], fromIndex.SectionSummaries.Select(section => section.Text));
        Assert.Equal(["Other.", "Apples.", "Other."], fromStream.SectionSummaries.Select(section => section.Text));
        Assert.Equal(
            fromIndex.Sections.Select(section => (section.Title, section.Start, section.End)),
            fromStream.Sections.Select(section => (section.Title, section.Start, section.End)));
    }

    [Fact]
    public async Task AClientThatDoesNotSayItsModelNeedsAKeyForAJournal()
    {
        using DocumentIndex index = await _tiny.ReadAsync(Samples.ThreeSections);
        EchoClient first = new(_ => "First.") { ModelId = null };
        EchoClient second = new(_ => "Second.") { ModelId = null };
        DocumentSummaryOptions options = new() { JournalPath = _tiny.PathOf("journal") };

        await new DocumentSummarizer(first).SummarizeAsync(index);
        Assert.Equal("Second.", (await new DocumentSummarizer(second).SummarizeAsync(index)).Text);
        ArgumentException refusal = await Assert.ThrowsAsync<ArgumentException>(() => new DocumentSummarizer(first).SummarizeAsync(index, options));
        Assert.Contains("JournalKey", refusal.Message, StringComparison.Ordinal);
        await new DocumentSummarizer(first).SummarizeAsync(index, options with { JournalKey = "one" });
        Assert.Equal("First.", (await new DocumentSummarizer(second).SummarizeAsync(index, options with { JournalKey = "one" })).Text);
        Assert.Equal("Second.", (await new DocumentSummarizer(second).SummarizeAsync(index, options with { JournalKey = "two" })).Text);
    }

    [Fact]
    public async Task APromptOfAnotherMambaModelsClientFitsItsTrainingLength()
    {
        using DocumentIndex index = await _tiny.ReadAsync(string.Join(' ', Enumerable.Range(0, 600).Select(number => $"word{number}")));
        using ChatModel other = new(trainingLength: 600);
        EchoClient client = new(_ => new string('x', 500)) { Model = other.Model };

        await new DocumentSummarizer(client).SummarizeAsync(index);

        Assert.True(client.Messages.Count > 5);
        Assert.All(client.Messages, message => Assert.InRange(message.Length, 1, 1200 + 200));
    }

    [Fact]
    public async Task AClientsPolicyAndMonitorHoldWhileItReadsAStream()
    {
        // Caps of zero leave nothing of the past; without them the answer is another.
        MambaModelInfo info = _tiny.Model.Info;
        float[][] caps = [.. Enumerable.Range(0, info.LayerCount).Select(_ => new float[info.HeadCount])];
        using IChatClient plain = _tiny.Model.AsIChatClient();
        await using MambaChatClient forgetful = new(_tiny.Model, new MambaChatClientOptions { LongContextPolicy = LongContextPolicy.StateNorm(caps) });

        string without = await SummarizeAsync(plain, _options);
        string with = await SummarizeAsync(forgetful, _options);
        string asked = await SummarizeAsync(plain, _options with { Reading = new() { Policy = LongContextPolicy.StateNorm(caps) } });

        Assert.NotEqual(without, with);
        Assert.Equal(with, asked);
        CollapseMonitorOptions monitor = new() { TrainingLength = 512 };
        await using MambaChatClient watched = new(_tiny.Model, new MambaChatClientOptions { CollapseMonitor = monitor });
        Assert.Same(monitor, ((IChatClient)watched).GetService(typeof(CollapseMonitorOptions)));

        static async Task<string> SummarizeAsync(IChatClient client, DocumentSummaryOptions options)
        {
            using MemoryStream document = new(Encoding.UTF8.GetBytes("This is all that there is to say."));
            return (await new DocumentSummarizer(client).SummarizeAsync(document, options)).Text;
        }
    }

    [Fact]
    public async Task WithoutAClientAStreamIsRefused()
    {
        using MemoryStream document = new();

        InvalidOperationException refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => new DocumentSummarizer().SummarizeAsync(document));

        Assert.Contains("DocumentIndex.ReadAsync", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ADocumentWithoutTextIsRefused()
    {
        using DocumentIndex index = await _tiny.ReadAsync("");

        await Assert.ThrowsAsync<InvalidDataException>(() => new DocumentSummarizer().SummarizeAsync(index));
    }

    public void Dispose() => _tiny.Dispose();

    private static int[] Tokens(DocumentIndex index, params int[] sections) => [.. sections.SelectMany(index.GetTokens)];
}
