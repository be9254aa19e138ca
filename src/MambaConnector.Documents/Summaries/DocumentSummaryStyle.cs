namespace MambaConnector.Documents;

/// <summary>The form of a summary.</summary>
public enum DocumentSummaryStyle
{
    /// <summary>Running text.</summary>
    Paragraph,

    /// <summary>A list, a point a line.</summary>
    Bullets,

    /// <summary>One sentence.</summary>
    Sentence,
}
