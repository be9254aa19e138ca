namespace MambaConnector.Cli.Output;

/// <summary>A section's summary.</summary>
/// <param name="Section">Its <see cref="SectionDocument.Index"/>.</param>
/// <param name="Text">The summary.</param>
internal sealed record SectionSummaryDocument(int Section, string Text);
