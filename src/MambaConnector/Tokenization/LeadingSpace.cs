namespace MambaConnector.Tokenization;

/// <summary>What decoding does with the space that encoding put in front of a text.</summary>
internal enum LeadingSpace
{
    /// <summary>Nothing.</summary>
    Keep,

    /// <summary>One space at the very start is dropped.</summary>
    DropOne,

    /// <summary>All spaces that the first token begins with or consists of are dropped (the <c>Metaspace</c> decoder).</summary>
    DropInFirstToken,
}
