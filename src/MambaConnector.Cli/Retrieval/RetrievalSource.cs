namespace MambaConnector.Cli.Retrieval;

/// <summary>What a way asks: each holds what is read for the one before it.</summary>
internal enum RetrievalSource
{
    /// <summary>The document's text.</summary>
    Text,

    /// <summary>The states of an index, which has read the document once.</summary>
    Index,

    /// <summary>The states of sections, which were each read alone beside the index.</summary>
    Sections,
}
