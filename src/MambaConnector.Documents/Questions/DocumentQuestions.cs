using System.Runtime.CompilerServices;
using MambaConnector.Documents.Questions;
using MambaConnector.Documents.Responders;
using Microsoft.Extensions.AI;

namespace MambaConnector.Documents;

/// <summary>Answers questions about a document that was read, from its states. Where sections answer, each is read alone once, at the first such
/// question or by <see cref="DocumentIndex.PrepareSectionsAsync"/>.</summary>
/// <remarks>Thread-safe. docs/documents.md says which state answers best at which length.</remarks>
public sealed class DocumentQuestions
{
    private readonly DocumentIndex _index;
    private readonly ChatResponder? _client;

    /// <summary>Asks the model that read the document.</summary>
    /// <param name="index">The document; the caller's.</param>
    public DocumentQuestions(DocumentIndex index)
    {
        ArgumentNullException.ThrowIfNull(index);
        _index = index;
    }

    /// <summary>Lets the states of the model that read the document choose the section, and another model answer from its text.</summary>
    /// <param name="index">The document; the caller's.</param>
    /// <param name="client">Answers. The caller's; one of the index's own model answers from its states.</param>
    /// <param name="maxPromptCharacters">Characters that are handed over at most, 1,000 or more: of a longer section the part whose own state is most
    /// certain; the answer cites the section. Null: as of <see cref="DocumentSummaryOptions.MaxPromptCharacters"/>.</param>
    public DocumentQuestions(DocumentIndex index, IChatClient client, int? maxPromptCharacters = null)
        : this(index)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentOutOfRangeException.ThrowIfLessThan(
            maxPromptCharacters ?? DocumentSummaryOptions.LeastPassage, DocumentSummaryOptions.LeastPassage, nameof(maxPromptCharacters));
        _client = client.GetService(typeof(MambaModel)) == index.Model
            ? null
            : new ChatResponder(client, maxPromptCharacters ?? PassageText.MaxLengthFor(client.GetService(typeof(MambaModel)) as MambaModel));
    }

    /// <summary>Answers a question.</summary>
    /// <param name="question">Plain text, whatever it looks like.</param>
    /// <param name="options">How; null: as <see cref="DocumentQuestionOptions"/> begins.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <inheritdoc cref="AskStreamingAsync" path="/exception"/>
    public async Task<DocumentAnswer> AskAsync(
        string question, DocumentQuestionOptions? options = null, CancellationToken cancellationToken = default)
    {
        DocumentAnswer? answer = null;
        await foreach (DocumentAnswerUpdate update in AskStreamingAsync(question, options, cancellationToken).ConfigureAwait(false))
        {
            answer = update.Answer;
        }

        return answer!;
    }

    /// <summary>Answers a question, and tells of it as it goes.</summary>
    /// <param name="question">Plain text, whatever it looks like.</param>
    /// <param name="options">How; null: as <see cref="DocumentQuestionOptions"/> begins.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Where sections are compared, one update for each; then the answer in pieces; then the whole.</returns>
    /// <exception cref="ArgumentException">The question is empty, or an option is out of its range or does not fit.</exception>
    /// <exception cref="InvalidDataException">The document has no text.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IAsyncEnumerable<DocumentAnswerUpdate> AskStreamingAsync(
        string question, DocumentQuestionOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(question);
        question = DocumentPrompt.Clean(question);
        if (string.IsNullOrWhiteSpace(question))
        {
            throw new ArgumentException("The question is empty: there is nothing to answer.", nameof(question));
        }

        options ??= new DocumentQuestionOptions();
        options.Check();
        if (_index.Sections.Count == 0)
        {
            throw new InvalidDataException("The document has no text, so it answers no question.");
        }

        if (_client is not null && options.Mode == DocumentQuestionMode.FullState)
        {
            throw new ArgumentException(
                $"{nameof(DocumentQuestionMode.FullState)} is for the model that read the document: a chat client is given the best section's text.",
                nameof(options));
        }

        return Resolve(options.Mode) == DocumentQuestionMode.FullState
            ? AskEndAsync(question.Trim(), options, cancellationToken)
            : AskSectionsAsync(question.Trim(), options, cancellationToken);
    }

    private static DocumentAnswerUpdate Piece(string text) => new(DocumentAnswerPhase.Answering, text);

    private DocumentQuestionMode Resolve(DocumentQuestionMode mode)
    {
        if (mode != DocumentQuestionMode.Auto)
        {
            return mode;
        }

        bool isWithinTraining = _index.Sections.Count == 1 || _index.TokenCount <= _index.Model.Info.TrainingLength;
        return isWithinTraining && _client is null ? DocumentQuestionMode.FullState : DocumentQuestionMode.BestSection;
    }

    private async IAsyncEnumerable<DocumentAnswerUpdate> AskEndAsync(
        string question, DocumentQuestionOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using MambaSession session = await Task.Run(_index.OpenEnd, cancellationToken).ConfigureAwait(false);
        await session.AppendAsync(_index.Prompt.Close(question), cancellationToken).ConfigureAwait(false);
        NextToken first = NextToken.Of(_index.Model, session.GetLogits(cancellationToken));
        WrittenText answer = new();
        await foreach (ResponsePiece piece in WriteAsync(session, options, cancellationToken).ConfigureAwait(false))
        {
            answer.Add(piece);
            yield return Piece(piece.Text);
        }

        yield return Piece("") with
        {
            Answer = new DocumentAnswer(
                answer.Text, DocumentQuestionMode.FullState, null, 0, _index.Length, first.Entropy, answer.FinishReason, []),
        };
    }

    private async IAsyncEnumerable<DocumentAnswerUpdate> AskSectionsAsync(
        string question, DocumentQuestionOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string asked = options.NoAnswer is string none ? $"{question} If the text does not say, answer: {none}" : question;
        CertaintyMeter meter = new(_index, _index.Prompt.Close(asked), options.NoAnswer, options.CertaintyTokens);
        using SectionChooser chooser = new(_index, meter, options.MaxBatchBytes);
        await foreach (SectionCertainty section in chooser.AskAsync(cancellationToken).ConfigureAwait(false))
        {
            yield return new DocumentAnswerUpdate(DocumentAnswerPhase.Choosing, "", section);
        }

        SectionCertainty best = chooser.Sections[0];
        WrittenText answer = new();
        IAsyncEnumerable<ResponsePiece> pieces = _client is null
            ? WriteAsync(chooser.Best!, options, cancellationToken)
            : _client.RespondAsync(
                new DocumentPlace.Passage(await PassageAsync(_client, best.Section, meter, cancellationToken).ConfigureAwait(false)), asked,
                options.ToGeneration(), cancellationToken);
        await foreach (ResponsePiece piece in pieces.ConfigureAwait(false))
        {
            answer.Add(piece);
            yield return Piece(piece.Text);
        }

        yield return Piece("") with
        {
            Answer = new DocumentAnswer(
                answer.Text, DocumentQuestionMode.BestSection, best.Section, best.Section.Start, best.Section.End, best.Entropy,
                answer.FinishReason, chooser.Sections),
        };
    }

    /// <summary>What a client is handed of a section: all of it, or else that part of it whose state is most certain.</summary>
    private async Task<string> PassageAsync(
        ChatResponder client, DocumentSection section, CertaintyMeter meter, CancellationToken cancellationToken)
    {
        string[] parts = [.. PassageText.Split(_index.GetText(section.Index), client.MaxPassage)];
        return parts.Length == 1 ? parts[0] : await Task.Run(() => parts.MinBy(Rank)!, cancellationToken).ConfigureAwait(false);

        (bool SaysNoAnswer, double Entropy) Rank(string part)
        {
            using MambaSession session = _index.OpenPassage(part, cancellationToken);
            (double entropy, bool saysNoAnswer) = meter.Ask([session], cancellationToken)[0];
            return (saysNoAnswer, entropy);
        }
    }

    /// <summary>Goes on from a session that has read the question.</summary>
    private async IAsyncEnumerable<ResponsePiece> WriteAsync(
        MambaSession session, DocumentQuestionOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ReplyText reply = new();
        GenerationOptions generation = _index.Prompt.EndReplies(options.ToGeneration());
        await foreach (GeneratedToken token in session.GenerateAsync(generation, cancellationToken).ConfigureAwait(false))
        {
            yield return reply.Next(token);
        }
    }
}
