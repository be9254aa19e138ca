namespace MambaConnector.Documents;

/// <summary>A piece of a summary that is being made.</summary>
/// <param name="Phase">What it belongs to.</param>
/// <param name="Sections">The sections that the text which it belongs to is made from, in the document's order.</param>
/// <param name="Text">The piece; may be empty.</param>
/// <param name="FinishReason">Null on every piece of a text but its last.</param>
/// <param name="Summary">The whole result, on the last update alone.</param>
public sealed record DocumentSummaryUpdate(
    DocumentSummaryPhase Phase, IReadOnlyList<DocumentSection> Sections, string Text, FinishReason? FinishReason = null,
    DocumentSummary? Summary = null);
