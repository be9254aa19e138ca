namespace MambaConnector.Documents;

/// <summary>How a question about a document is answered. Immutable.</summary>
public sealed record DocumentQuestionOptions
{
    /// <summary>Which state answers.</summary>
    public DocumentQuestionMode Mode { get; init; }

    /// <summary>How the answer is written. Where it is silent: greedily, the seed is 0, and 128 tokens at most.</summary>
    public GenerationOptions? Generation { get; init; }

    /// <summary>How certain a section is, is the mean entropy of so many tokens of its greedy answer at most, up to its end: 1 or more. With 1 it is
    /// that of the first token (OPRM). A model that answers in sentences begins them with certainty whether it knows or not: what it makes up is
    /// uncertain where the fact stands (docs/documents.md, "Which section answers").</summary>
    public int CertaintyTokens { get; init; } = 16;

    /// <summary>What a section is told to say where it does not hold the answer, as in "none"; null: it is told nothing. Sections whose
    /// greedy answer begins with it, whatever the case, are passed over, unless all do. A small model takes the hint where it should not.</summary>
    public string? NoAnswer { get; init; }

    /// <summary>Bytes of states that are in memory at once while sections are compared, at least one state. More sections in one batch read the
    /// weights fewer times.</summary>
    public long MaxBatchBytes { get; init; } = 256L << 20;

    /// <exception cref="ArgumentException">A member is out of its range; named.</exception>
    internal void Check()
    {
        if (!Enum.IsDefined(Mode))
        {
            throw new ArgumentOutOfRangeException(nameof(Mode), Mode, "There is no such mode.");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(MaxBatchBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(CertaintyTokens, 1);
        if (NoAnswer is not null)
        {
            ArgumentException.ThrowIfNullOrWhiteSpace(DocumentPrompt.Clean(NoAnswer), nameof(NoAnswer));
        }
    }

    /// <summary>How an answer is written.</summary>
    internal GenerationOptions ToGeneration() => (Generation ?? new GenerationOptions()) with
    {
        MaxTokens = Generation?.MaxTokens ?? 128,
        Temperature = Generation?.Temperature ?? 0,
        Seed = Generation?.Seed ?? 0,
    };
}
