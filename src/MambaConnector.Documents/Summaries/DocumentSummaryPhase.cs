namespace MambaConnector.Documents;

/// <summary>What a piece of text belongs to while a document is being summarised.</summary>
public enum DocumentSummaryPhase
{
    /// <summary>The summary of a section; in a running summary, the summary up to it.</summary>
    Section,

    /// <summary>A summary of summaries that is not the last.</summary>
    Reduce,

    /// <summary>The document's summary.</summary>
    Document,
}
