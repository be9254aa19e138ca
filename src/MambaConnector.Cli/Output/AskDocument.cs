namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>ask</c>.</summary>
/// <param name="Model">What the user calls the model.</param>
/// <param name="File">The document.</param>
/// <param name="Index">Its index.</param>
/// <param name="Bytes">The document's length.</param>
/// <param name="Tokens">Tokens that the model has read.</param>
/// <param name="WasRead">Whether the document was read just now; otherwise its index was there.</param>
/// <param name="Question">The question.</param>
/// <param name="Mode"><c>full-state</c> or <c>best-section</c>.</param>
/// <param name="Text">The answer.</param>
/// <param name="FinishReason"><c>stop</c> or <c>length</c>.</param>
/// <param name="Entropy">Where a section answered, the mean of its answer's first tokens; else that of the first. In nats.</param>
/// <param name="Section">The section that answered; null where the whole document's state did.</param>
/// <param name="Certainties">All sections that were asked, the most certain first.</param>
internal sealed record AskDocument(
    string Model, string File, string Index, long Bytes, long Tokens, bool WasRead, string Question, string Mode, string Text, string FinishReason,
    double Entropy, SectionDocument? Section, IReadOnlyList<SectionCertaintyDocument> Certainties);
