using System.Globalization;
using MambaConnector.Documents;
using Spectre.Console;

namespace SummarizerSample;

/// <summary>For a terminal: a tree of sections that fills while the document is summarised.</summary>
internal sealed class TreeView(IAnsiConsole console) : IDocumentView
{
    // Drawing a tree of a book takes longer than a token.
    private static readonly TimeSpan _frame = TimeSpan.FromMilliseconds(100);

    private string _name = "";

    public Task ReadAsync(string name, Func<IProgress<DocumentProgress>, Task> read)
    {
        _name = name;
        return console.Progress().AutoClear(true).StartAsync(context =>
        {
            ProgressTask task = context.AddTask($"Reading {Markup.Escape(name)}", maxValue: 100);
            return read(new ShownProgress(progress =>
            {
                task.Value = progress.Percent ?? 0;
                task.Description = string.Create(
                    CultureInfo.InvariantCulture,
                    $"{Markup.Escape(progress.Section)} [grey]{progress.Tokens:N0} tokens, {progress.TokensPerSecond:N0}/s[/]");
            }));
        });
    }

    public async Task SummarizeAsync(DocumentIndex index, IAsyncEnumerable<DocumentSummaryUpdate> updates)
    {
        SummaryTree tree = new(_name, index.Sections);
        LiveDisplay display = console.Live(new Text("")).AutoClear(true).Overflow(VerticalOverflow.Crop).Cropping(VerticalOverflowCropping.Top);
        await display.StartAsync(async live =>
        {
            long drawn = 0;
            await foreach (DocumentSummaryUpdate update in updates)
            {
                tree.Add(update);
                if (TimeProvider.System.GetElapsedTime(drawn) > _frame)
                {
                    live.UpdateTarget(tree.Draw());
                    drawn = TimeProvider.System.GetTimestamp();
                }
            }
        });
        console.Write(tree.Draw());
        console.WriteLine();
    }

    public async Task AnswerAsync(string question, IAsyncEnumerable<DocumentAnswerUpdate> updates)
    {
        console.MarkupLine($"[bold]> {Markup.Escape(question)}[/]");
        await foreach (DocumentAnswerUpdate update in updates)
        {
            console.Write(update.Text);
            if (update.Answer is { } answer)
            {
                console.MarkupLine(answer.Section is { } section ? $" [grey](from {Markup.Escape(SectionName.Of(section))})[/]" : "");
            }
        }
    }

    public void Note(string text) => console.MarkupLine($"[grey]{Markup.Escape(text)}[/]");

    /// <summary>Reports at once, on the reader's thread.</summary>
    private sealed class ShownProgress(Action<DocumentProgress> report) : IProgress<DocumentProgress>
    {
        public void Report(DocumentProgress value) => report(value);
    }
}
