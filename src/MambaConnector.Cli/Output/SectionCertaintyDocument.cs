namespace MambaConnector.Cli.Output;

/// <summary>How certain a section is of an answer.</summary>
/// <param name="Section">Its <see cref="SectionDocument.Index"/>.</param>
/// <param name="Entropy">The mean of the first tokens of its answer, in nats.</param>
internal sealed record SectionCertaintyDocument(int Section, double Entropy);
