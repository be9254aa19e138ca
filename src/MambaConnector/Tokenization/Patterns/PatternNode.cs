namespace MambaConnector.Tokenization;

/// <summary>What a node of a compiled pattern does.</summary>
internal enum PatternNodeKind
{
    Accept,
    Loop,
    Alternation,
    Lookahead,
    LineStart,
    LineEnd,
}

/// <summary>One step of a compiled <see cref="SplitPattern"/>; <see cref="Next"/> is what must match behind it.</summary>
internal sealed class PatternNode
{
    public static readonly PatternNode Accept = new() { Kind = PatternNodeKind.Accept };

    public required PatternNodeKind Kind { get; init; }

    public PatternNode Next { get; init; } = null!;

    /// <summary>Loop: the code points it takes.</summary>
    public CodePointClass Class { get; init; } = null!;

    /// <summary>Loop: the fewest repetitions.</summary>
    public int Minimum { get; init; }

    /// <summary>Loop: the most repetitions.</summary>
    public int Maximum { get; init; }

    /// <summary>Loop: never gives back what it took.</summary>
    public bool Possessive { get; init; }

    /// <summary>Alternation: the branches in order, each ending in <see cref="Next"/>. Lookahead: one branch, ending in
    /// <see cref="Accept"/>.</summary>
    public PatternNode[] Branches { get; init; } = [];

    /// <summary>Lookahead: succeeds where the branch fails.</summary>
    public bool Negative { get; init; }

    /// <summary>Whether a match may begin with this code point (true if in doubt).</summary>
    public bool MayStartWith(int codePoint) => Kind switch
    {
        PatternNodeKind.Accept => true,
        PatternNodeKind.Loop => Class.Contains(codePoint) || (Minimum == 0 && Next.MayStartWith(codePoint)),
        PatternNodeKind.Alternation => Branches.Any(branch => branch.MayStartWith(codePoint)),
        _ => Next.MayStartWith(codePoint),
    };

    /// <summary>Whether a match may take no text at all.</summary>
    public bool MayBeEmpty => Kind switch
    {
        PatternNodeKind.Accept => true,
        PatternNodeKind.Loop => Minimum == 0 && Next.MayBeEmpty,
        PatternNodeKind.Alternation => Branches.Any(branch => branch.MayBeEmpty),
        _ => Next.MayBeEmpty,
    };
}
