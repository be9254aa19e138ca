namespace MambaConnector.Documents;

/// <summary>How a document is summarised. Immutable.</summary>
public sealed record DocumentSummaryOptions
{
    /// <summary>The least that <see cref="MaxPromptCharacters"/> may be.</summary>
    internal const int LeastPassage = 1000;

    /// <summary>How the document becomes a summary.</summary>
    public DocumentSummaryStrategy Strategy { get; init; }

    /// <summary>The length that the document's summary is asked to have, in words; 1 or more.</summary>
    public int Words { get; init; } = 150;

    /// <summary>The length that summaries on the way are asked to have, in words; 1 or more.</summary>
    public int SectionWords { get; init; } = 60;

    /// <summary>The form of all summaries.</summary>
    public DocumentSummaryStyle Style { get; init; }

    /// <summary>The language to write in, by its English name; null: none is asked for.</summary>
    public string? Language { get; init; }

    /// <summary>What to pay attention to, as in "the prices"; null: nothing in particular.</summary>
    public string? Focus { get; init; }

    /// <summary>Whether a section is summarised from the state behind it, which has read all that stands before it too, instead of one that has read
    /// the section alone. Past the model's training length a state may be good for nothing. With an index alone.</summary>
    public bool SectionsKnowWhatCameBefore { get; init; }

    /// <summary>How texts are written. Where it is silent: greedily, the seed is 0, and a text ends after 3 tokens a word asked for, and 32. A chat
    /// client is told what <see cref="Microsoft.Extensions.AI.ChatOptions"/> can say of it.</summary>
    public GenerationOptions? Generation { get; init; }

    /// <summary>Characters of text in one prompt at most, 1,000 or more, where text is handed over and no state read it; longer text is handed over
    /// in parts. Null: 24,000, about 6,000 tokens of English, and for a model of known training length at most 2 characters for each of its
    /// tokens.</summary>
    public int? MaxPromptCharacters { get; init; }

    /// <summary>A file that keeps what is finished, so that a summary which was stopped goes on where it was: texts that it has are not written
    /// again, as long as document, model, instruction and options are the same. Null: beside the index, under its name with <c>.summaries</c> added,
    /// where that can be written, no other summary is writing it, and the chat client says its model; without an index none.</summary>
    public string? JournalPath { get; init; }

    /// <summary>Names in the journal what decides a chat client's texts and its metadata do not say: the model, a system prompt, a revision. Texts of
    /// another key are not taken up. Null: provider, address and model id of the client's <see cref="Microsoft.Extensions.AI.ChatClientMetadata"/>
    /// are all.</summary>
    public string? JournalKey { get; init; }

    /// <summary>How the document is written, where it is summarised without an index.</summary>
    public DocumentFormat Format { get; init; }

    /// <summary>How the model of a <see cref="MambaChatClient"/> reads a document without an index; then <see cref="Format"/> is not looked at. Null:
    /// with the client's long-context policy and monitor.</summary>
    public DocumentIndexOptions? Reading { get; init; }

    /// <exception cref="ArgumentOutOfRangeException">A member is out of its range; named.</exception>
    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(Words, 1, nameof(Words));
        ArgumentOutOfRangeException.ThrowIfLessThan(SectionWords, 1, nameof(SectionWords));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPromptCharacters ?? LeastPassage, LeastPassage, nameof(MaxPromptCharacters));
        if (!Enum.IsDefined(Strategy) || !Enum.IsDefined(Style))
        {
            throw new ArgumentOutOfRangeException(
                Enum.IsDefined(Strategy) ? nameof(Style) : nameof(Strategy), "There is no such strategy or style.");
        }
    }

    /// <summary>How a text of about this many words is written.</summary>
    internal GenerationOptions GenerationFor(int words) => (Generation ?? new GenerationOptions()) with
    {
        MaxTokens = Generation?.MaxTokens ?? (int)Math.Min((3L * words) + 32, int.MaxValue),
        Temperature = Generation?.Temperature ?? 0,
        Seed = Generation?.Seed ?? 0,
    };
}
