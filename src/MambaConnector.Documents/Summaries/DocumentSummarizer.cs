using System.Runtime.CompilerServices;
using MambaConnector.Documents.Responders;
using MambaConnector.Documents.Summaries;
using Microsoft.Extensions.AI;

namespace MambaConnector.Documents;

/// <summary>Summarises documents of any length, and says from which sections each summary comes.</summary>
/// <remarks>Thread-safe. Where the model that read a document writes the summary, it goes on from the states of the document's index; sections are
/// read alone once for it (<see cref="DocumentIndex.PrepareSectionsAsync"/>). Any other chat client is given text, at most <see cref="DocumentSummaryOptions.MaxPromptCharacters"/> at a time.</remarks>
public sealed class DocumentSummarizer
{
    private readonly IChatClient? _client;

    /// <summary>Lets the model that read a document summarise it.</summary>
    public DocumentSummarizer()
    {
    }

    /// <summary>Lets a chat client summarise.</summary>
    /// <param name="client">The client; the caller's. Of documents that its own model has read (<see cref="MambaModel"/> is asked of it as a
    /// service) the states are used instead.</param>
    public DocumentSummarizer(IChatClient client)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
    }

    /// <summary>Summarises a document that was read.</summary>
    /// <param name="index">The document; the caller's.</param>
    /// <param name="options">How; null: as <see cref="DocumentSummaryOptions"/> begins.</param>
    /// <param name="cancellationToken">Ends it. What is finished is kept (<see cref="DocumentSummaryOptions.JournalPath"/>).</param>
    /// <inheritdoc cref="SummarizeStreamingAsync(DocumentIndex, DocumentSummaryOptions?, CancellationToken)" path="/exception"/>
    public Task<DocumentSummary> SummarizeAsync(
        DocumentIndex index, DocumentSummaryOptions? options = null, CancellationToken cancellationToken = default) =>
        LastAsync(SummarizeStreamingAsync(index, options, cancellationToken));

    /// <summary>Summarises a document, with the client alone and no index.</summary>
    /// <param name="document">Read from its position to its end, as far as summaries have come; left open.</param>
    /// <param name="options">How; null: as <see cref="DocumentSummaryOptions"/> begins.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <inheritdoc cref="SummarizeStreamingAsync(Stream, DocumentSummaryOptions?, CancellationToken)" path="/exception"/>
    public Task<DocumentSummary> SummarizeAsync(
        Stream document, DocumentSummaryOptions? options = null, CancellationToken cancellationToken = default) =>
        LastAsync(SummarizeStreamingAsync(document, options, cancellationToken));

    /// <summary>Summarises a document that was read, and tells of it as it goes.</summary>
    /// <param name="index">The document; the caller's.</param>
    /// <param name="options">How; null: as <see cref="DocumentSummaryOptions"/> begins.</param>
    /// <param name="cancellationToken">Ends it. What is finished is kept (<see cref="DocumentSummaryOptions.JournalPath"/>).</param>
    /// <returns>Pieces of summaries, each with what it belongs to; the last update has the whole result.</returns>
    /// <exception cref="ArgumentException">An option is out of its range, or a journal was asked for and the client does not say its
    /// model.</exception>
    /// <exception cref="InvalidDataException">The document has no text, is too long for a single pass, or the journal that was asked for is a file of
    /// something else.</exception>
    /// <exception cref="IOException">The journal that was asked for cannot be written, or someone else writes it.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IAsyncEnumerable<DocumentSummaryUpdate> SummarizeStreamingAsync(
        DocumentIndex index, DocumentSummaryOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(index);
        options ??= new DocumentSummaryOptions();
        options.Check();
        IResponder responder = _client is null || _client.GetService(typeof(MambaModel)) == index.Model
            ? new StateResponder(index, options.MaxPromptCharacters ?? PassageText.MaxLengthFor(index.Model))
            : Responder(_client, options);
        return RunAsync(responder, options, $"{index.Path}.summaries", new IndexSource(index), cancellationToken);
    }

    /// <summary>Summarises a document, with the client alone and no index, and tells of it as it goes.</summary>
    /// <param name="document">Read from its position to its end, as far as summaries have come; left open.</param>
    /// <param name="options">How; null: as <see cref="DocumentSummaryOptions"/> begins.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Pieces of summaries, each with what it belongs to; the last update has the whole result.</returns>
    /// <exception cref="InvalidOperationException">The summarizer has no chat client.</exception>
    /// <exception cref="ArgumentException">An option is out of its range, or a journal was asked for and the client does not say its
    /// model.</exception>
    /// <exception cref="InvalidDataException">The document has no text, is too long for a single pass, or the journal that was asked for is a file of
    /// something else.</exception>
    /// <exception cref="IOException">The journal that was asked for cannot be written, or someone else writes it.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IAsyncEnumerable<DocumentSummaryUpdate> SummarizeStreamingAsync(
        Stream document, DocumentSummaryOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(document);
        options ??= new DocumentSummaryOptions();
        options.Check();
        if (_client is null)
        {
            throw new InvalidOperationException(
                "Without a chat client a document is summarised from its index: " +
                $"read it with {nameof(DocumentIndex)}.{nameof(DocumentIndex.ReadAsync)} first.");
        }

        return _client.GetService(typeof(MambaModel)) is MambaModel model
            ? ReadAndRunAsync(model, document, options, cancellationToken)
            : RunAsync(
                Responder(_client, options), options, null, new StreamSource(document, new DocumentReaderOptions { Format = options.Format }),
                cancellationToken);
    }

    private static async Task<DocumentSummary> LastAsync(IAsyncEnumerable<DocumentSummaryUpdate> updates)
    {
        DocumentSummary? summary = null;
        await foreach (DocumentSummaryUpdate update in updates.ConfigureAwait(false))
        {
            summary = update.Summary;
        }

        return summary!;
    }

    private static ChatResponder Responder(IChatClient client, DocumentSummaryOptions options) =>
        new(client, options.MaxPromptCharacters ?? PassageText.MaxLengthFor(client.GetService(typeof(MambaModel)) as MambaModel));

    private static async IAsyncEnumerable<DocumentSummaryUpdate> RunAsync(
        IResponder responder, DocumentSummaryOptions options, string? besideIndex, SummarySource source,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Nobody asked for the one beside the index: without it a summary only cannot go on where it was.
        string? identity = options.JournalKey is string key ? $"{responder.Identity}\n{key}" : responder.Identity;
        using ResponseJournal? journal = options.JournalPath is string path ? ResponseJournal.Open(path)
            : besideIndex is not null && identity is not null ? ResponseJournal.TryOpen(besideIndex)
            : null;
        IResponder writer = journal is null ? responder
            : new RememberingResponder(responder, identity ?? throw Nameless(), journal, isOptional: options.JournalPath is null);
        await foreach (DocumentSummaryUpdate update in new SummaryRun(writer, options).RunAsync(source, cancellationToken).ConfigureAwait(false))
        {
            yield return update;
        }
    }

    private static ArgumentException Nameless() => new(
        $"The chat client does not say which model it is, so in a journal its texts could be taken for another's: set " +
        $"{nameof(DocumentSummaryOptions)}.{nameof(DocumentSummaryOptions.JournalKey)} to a name of its model.");

    /// <summary>A model of our own needs no prompts of bounded length: it reads the document to states, which are kept no longer than the summary
    /// takes.</summary>
    private async IAsyncEnumerable<DocumentSummaryUpdate> ReadAndRunAsync(
        MambaModel model, Stream document, DocumentSummaryOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("mamba-document-");
        try
        {
            DocumentIndexOptions reading = options.Reading ?? new DocumentIndexOptions
            {
                Format = options.Format,
                Policy = _client!.GetService(typeof(LongContextPolicy)) as LongContextPolicy,
                Monitor = _client.GetService(typeof(CollapseMonitorOptions)) as CollapseMonitorOptions,
            };
            using DocumentIndex index = await DocumentIndex.ReadAsync(
                model, document, Path.Combine(folder.FullName, "index"), reading, null, cancellationToken).ConfigureAwait(false);
            await foreach (DocumentSummaryUpdate update in SummarizeStreamingAsync(index, options, cancellationToken).ConfigureAwait(false))
            {
                yield return update;
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
