namespace MambaConnector.Constraints;

/// <summary>What a part of a pattern is.</summary>
internal enum RegexKind
{
    /// <summary>One character of a set.</summary>
    Set,

    /// <summary>Parts one after the other.</summary>
    Sequence,

    /// <summary>One of several parts.</summary>
    Choice,

    /// <summary>A part a number of times.</summary>
    Repeat,

    /// <summary>The start of the string.</summary>
    Start,

    /// <summary>The end of the string.</summary>
    End,
}

/// <summary>A part of a pattern. Immutable.</summary>
internal sealed record RegexNode(RegexKind Kind)
{
    /// <summary>Sequence, choice, repeat: what it is made of.</summary>
    public IReadOnlyList<RegexNode> Parts { get; init; } = [];

    /// <summary>Set: its characters.</summary>
    public CodePointSet Set { get; init; } = CodePointSet.Empty;

    /// <summary>Repeat: the fewest times.</summary>
    public int Minimum { get; init; }

    /// <summary>Repeat: the most times.</summary>
    public int Maximum { get; init; }
}
