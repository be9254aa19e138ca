namespace MambaConnector.Tokenization;

/// <summary>Everything that makes a tokenizer, as a reader found it in a file.</summary>
internal sealed class TokenizerDefinition
{
    /// <summary>Spellings by id.</summary>
    public required string[] Tokens { get; init; }

    /// <summary>Kinds by id.</summary>
    public required TokenKind[] Kinds { get; init; }

    /// <summary>The bytes that each id stands for.</summary>
    public required byte[][] Bytes { get; init; }

    /// <summary>Tokens looked for before cutting and merging.</summary>
    public required IReadOnlyList<AddedToken> AddedTokens { get; init; }

    /// <summary>Rewrites the text first.</summary>
    public Normalizer? Normalizer { get; init; }

    /// <summary>Cuts the text.</summary>
    public required PreTokenizer[] Stages { get; init; }

    /// <summary>Merges inside each piece.</summary>
    public required BpeModel Model { get; init; }

    /// <summary>What decoding drops at the start.</summary>
    public LeadingSpace LeadingSpace { get; init; }

    /// <summary>How it goes into a GGUF file.</summary>
    public required GgufForm Gguf { get; init; }

    public int? BosId { get; set; }

    public int? EosId { get; set; }

    public int? PadId { get; set; }

    public int? UnknownId { get; set; }

    public bool AddsBos { get; set; }
}
