namespace MambaConnector.Documents;

/// <summary>What a section came to on the way to a document's summary.</summary>
/// <param name="Section">The section.</param>
/// <param name="Text">Its summary; in a running summary, the summary up to its end.</param>
public sealed record DocumentSectionSummary(DocumentSection Section, string Text);
