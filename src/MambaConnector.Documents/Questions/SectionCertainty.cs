namespace MambaConnector.Documents;

/// <summary>How certain a state that has read one section alone is of its answer.</summary>
/// <param name="Section">The section.</param>
/// <param name="Entropy">The mean entropy of the distributions of the answer's first tokens (<see cref="DocumentQuestionOptions.CertaintyTokens"/>),
/// in nats: 0 is certain; infinite where its logits are not finite numbers.</param>
/// <param name="SaysNoAnswer">Whether its answer begins with <see cref="DocumentQuestionOptions.NoAnswer"/>.</param>
public sealed record SectionCertainty(DocumentSection Section, double Entropy, bool SaysNoAnswer);
