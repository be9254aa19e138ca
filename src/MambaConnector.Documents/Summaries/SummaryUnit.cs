using MambaConnector.Documents.Responders;

namespace MambaConnector.Documents.Summaries;

/// <summary>What is summarised at once: a section, or a part of one that is too long for a prompt.</summary>
/// <param name="Section">The section.</param>
/// <param name="Place">Where it is read.</param>
internal readonly record struct SummaryUnit(DocumentSection Section, DocumentPlace Place);
