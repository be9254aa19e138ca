namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>summarize</c>.</summary>
/// <param name="Model">What the user calls the model.</param>
/// <param name="File">The document.</param>
/// <param name="Index">Its index.</param>
/// <param name="Bytes">The document's length.</param>
/// <param name="Tokens">Tokens that the model has read.</param>
/// <param name="WasRead">Whether the document was read just now; otherwise its index was there.</param>
/// <param name="Strategy"><c>hierarchical</c>, <c>single-pass</c> or <c>running</c>.</param>
/// <param name="Text">The summary.</param>
/// <param name="FinishReason"><c>stop</c> or <c>length</c>.</param>
/// <param name="Sections">What the summary is made from.</param>
/// <param name="SectionSummaries">Summaries on the way.</param>
internal sealed record SummarizeDocument(
    string Model, string File, string Index, long Bytes, long Tokens, bool WasRead, string Strategy, string Text, string FinishReason,
    IReadOnlyList<SectionDocument> Sections, IReadOnlyList<SectionSummaryDocument> SectionSummaries);
