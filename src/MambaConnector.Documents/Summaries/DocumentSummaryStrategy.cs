namespace MambaConnector.Documents;

/// <summary>How a document becomes a summary.</summary>
public enum DocumentSummaryStrategy
{
    /// <summary>Every section is summarised, then summaries are summarised until one is left. For documents of any length.</summary>
    Hierarchical,

    /// <summary>The document is read, then the model is asked once. For documents within the model's training length.</summary>
    SinglePass,

    /// <summary>One summary is carried from section to section: at each the model reads it, then the section, and writes it anew. Keeps more detail
    /// of the order of events (arXiv 2310.00785), and reads every section anew.</summary>
    Running,
}
