namespace MambaConnector.Tokenization;

/// <summary>What becomes of the matches of a split (names as in <c>tokenizer.json</c>).</summary>
internal enum SplitBehavior
{
    /// <summary>Matches are dropped.</summary>
    Removed,

    /// <summary>Each match is a piece.</summary>
    Isolated,

    /// <summary>A match is joined to what is before it.</summary>
    MergedWithPrevious,

    /// <summary>A match is joined to what is behind it.</summary>
    MergedWithNext,

    /// <summary>Adjacent matches are one piece.</summary>
    Contiguous,
}
