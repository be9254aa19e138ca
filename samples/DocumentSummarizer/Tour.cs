using System.Diagnostics;
using System.Globalization;
using MambaConnector;
using MambaConnector.Documents;

namespace SummarizerSample;

/// <summary>The whole way of a document: read once, summarised section by section, asked about without another reading.</summary>
internal sealed class Tour(MambaModel model, IDocumentView view)
{
    public async Task RunAsync(
        string file, string indexPath, DocumentSummaryOptions options, IReadOnlyList<string> questions, CancellationToken cancellationToken)
    {
        long started = Stopwatch.GetTimestamp();
        using DocumentIndex index = await ReadAsync(file, indexPath, cancellationToken);
        TimeSpan reading = Stopwatch.GetElapsedTime(started);
        view.Note(string.Create(
            CultureInfo.InvariantCulture,
            $"{index.TokenCount:N0} tokens in {index.Sections.Count} sections, after {reading.TotalSeconds:N1} s. " +
            $"The model's state is {model.Info.StateBytes / 1e6:N1} MB, as it would be after ten tokens."));

        await view.SummarizeAsync(index, new DocumentSummarizer().SummarizeStreamingAsync(index, options, cancellationToken));

        DocumentQuestions answers = new(index);
        foreach (string question in questions)
        {
            started = Stopwatch.GetTimestamp();
            await view.AnswerAsync(
                question, answers.AskStreamingAsync(question, new DocumentQuestionOptions { Generation = options.Generation }, cancellationToken));
            view.Note(string.Create(
                CultureInfo.InvariantCulture, $"({Stopwatch.GetElapsedTime(started).TotalSeconds:N1} s; the document was not read again)"));
        }
    }

    private async Task<DocumentIndex> ReadAsync(string file, string indexPath, CancellationToken cancellationToken)
    {
        DocumentIndex? index = null;
        await using FileStream source = File.OpenRead(file);
        await view.ReadAsync(
            Path.GetFileName(file),
            async progress => index = await DocumentIndex.ReadAsync(model, source, indexPath, null, progress, cancellationToken));
        return index!;
    }
}
