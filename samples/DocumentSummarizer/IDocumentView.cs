using MambaConnector.Documents;

namespace SummarizerSample;

/// <summary>How the way of a document is shown.</summary>
internal interface IDocumentView
{
    /// <summary>Shows a document being read.</summary>
    Task ReadAsync(string name, Func<IProgress<DocumentProgress>, Task> read);

    /// <summary>Shows summaries as they come.</summary>
    Task SummarizeAsync(DocumentIndex index, IAsyncEnumerable<DocumentSummaryUpdate> updates);

    /// <summary>Shows a question and its answer.</summary>
    Task AnswerAsync(string question, IAsyncEnumerable<DocumentAnswerUpdate> updates);

    /// <summary>Tells something beside.</summary>
    void Note(string text);
}
