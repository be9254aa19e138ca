namespace MambaConnector.Documents;

/// <summary>A document's summary, and where it comes from.</summary>
/// <param name="Text">The summary.</param>
/// <param name="Strategy">How it was made.</param>
/// <param name="Sections">The citation: the sections that it is made from, with titles and byte offsets, in the document's order. A section whose own
/// summary came out empty is not among them.</param>
/// <param name="SectionSummaries">The summaries of sections on the way; none of a single pass.</param>
/// <param name="FinishReason"><see cref="FinishReason.Length"/> where the text was cut at <see cref="GenerationOptions.MaxTokens"/>.</param>
public sealed record DocumentSummary(
    string Text, DocumentSummaryStrategy Strategy, IReadOnlyList<DocumentSection> Sections, IReadOnlyList<DocumentSectionSummary> SectionSummaries,
    FinishReason FinishReason);
