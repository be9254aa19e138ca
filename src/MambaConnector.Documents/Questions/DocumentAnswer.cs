namespace MambaConnector.Documents;

/// <summary>An answer, and where in the document it comes from.</summary>
/// <param name="Text">The answer.</param>
/// <param name="Mode">Which state answered; never <see cref="DocumentQuestionMode.Auto"/>.</param>
/// <param name="Section">The section that answered; null where the whole document's state did.</param>
/// <param name="Start">The offset in the source of the first byte of what answered.</param>
/// <param name="End">The offset behind its last byte.</param>
/// <param name="Entropy">Where a section answered, its <see cref="SectionCertainty.Entropy"/>; else that of the answer's first token. In
/// nats.</param>
/// <param name="FinishReason"><see cref="FinishReason.Length"/> where the text was cut at <see cref="GenerationOptions.MaxTokens"/>.</param>
/// <param name="Sections">All sections that were asked, the most certain first; empty where the whole document's state answered.</param>
public sealed record DocumentAnswer(
    string Text, DocumentQuestionMode Mode, DocumentSection? Section, long Start, long End, double Entropy, FinishReason FinishReason,
    IReadOnlyList<SectionCertainty> Sections);
