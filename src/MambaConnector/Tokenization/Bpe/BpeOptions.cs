namespace MambaConnector.Tokenization;

/// <summary>The settings of a <see cref="BpeModel"/>.</summary>
internal sealed class BpeOptions
{
    /// <summary>Number of ids; symbols from here on are characters without a token of their own (see <see cref="ScoredMerges"/>).</summary>
    public required int VocabularySize { get; init; }

    /// <summary>The symbol that each code point starts as.</summary>
    public required IReadOnlyDictionary<int, int> Symbols { get; init; }

    /// <summary>The merges by pair (see <see cref="MergeMap.Pair"/>).</summary>
    public required IReadOnlyDictionary<ulong, Merge> Merges { get; init; }

    /// <summary>Text comes as it is and is merged as bytes written in <see cref="ByteAlphabet"/>.</summary>
    public bool MapsBytes { get; init; }

    /// <summary>256 ids for the bytes of characters that have no symbol, -1 where a byte has none; <see langword="null"/> without byte
    /// fallback.</summary>
    public int[]? ByteTokens { get; init; }

    /// <summary>The id for what cannot be spelled; without one it is dropped, as Hugging Face's library does.</summary>
    public int? UnknownId { get; init; }

    /// <summary>Adjacent unknown characters become one token.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>Pieces that are tokens as a whole, found before merging (<c>ignore_merges</c>).</summary>
    public Dictionary<string, int>? WholePieces { get; init; }
}
