namespace MambaConnector.Tokenization;

/// <summary>What a vocabulary entry is for; the values are those of <c>tokenizer.ggml.token_type</c>.</summary>
internal enum TokenKind
{
    /// <summary>Found by merging.</summary>
    Normal = 1,

    /// <summary>Stands for what the vocabulary cannot spell.</summary>
    Unknown = 2,

    /// <summary>Steers the model; never made from ordinary text.</summary>
    Control = 3,

    /// <summary>Found in the text as it is, before merging.</summary>
    UserDefined = 4,

    /// <summary>Fills a row of the table; stands for nothing.</summary>
    Unused = 5,

    /// <summary>One byte, for text that the vocabulary cannot spell.</summary>
    Byte = 6,
}
