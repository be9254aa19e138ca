using MambaConnector.Documents;

namespace SummarizerSample;

/// <summary>For pipes and scripts: plain lines.</summary>
internal sealed class PlainView(TextWriter output) : IDocumentView
{
    public async Task ReadAsync(string name, Func<IProgress<DocumentProgress>, Task> read)
    {
        await output.WriteLineAsync($"Reading {name}.");
        await read(new Progress<DocumentProgress>());
    }

    public async Task SummarizeAsync(DocumentIndex index, IAsyncEnumerable<DocumentSummaryUpdate> updates)
    {
        bool isBegun = false;
        await foreach (DocumentSummaryUpdate update in updates)
        {
            if (update.Summary is { } summary)
            {
                await output.WriteLineAsync($"(from the sections {string.Join(", ", summary.Sections.Select(section => section.Index))})");
                continue;
            }

            await output.WriteAsync(isBegun ? update.Text : $"[{SectionName.Of(update)}] {update.Text}");
            isBegun = update.FinishReason is null;
            if (!isBegun)
            {
                await output.WriteLineAsync();
            }
        }
    }

    public async Task AnswerAsync(string question, IAsyncEnumerable<DocumentAnswerUpdate> updates)
    {
        await output.WriteLineAsync($"> {question}");
        await foreach (DocumentAnswerUpdate update in updates)
        {
            await output.WriteAsync(update.Text);
            if (update.Answer is { } answer)
            {
                await output.WriteLineAsync(answer.Section is { } section ? $" (from {SectionName.Of(section)})" : "");
            }
        }
    }

    public void Note(string text) => output.WriteLine(text);
}
