namespace MambaConnector.Documents.Indexing;

/// <summary>What an index says of itself, as JSON behind texts and states.</summary>
/// <param name="Identity">What it was read with.</param>
/// <param name="MaxSectionBytes">Bytes of states beside it.</param>
/// <param name="Parts">The document, and what was appended to it.</param>
/// <param name="Sections">Its sections.</param>
/// <param name="States">States, by their borders; the last is that behind the whole document.</param>
internal sealed record IndexDirectory(
    IndexIdentity Identity,
    long MaxSectionBytes,
    IReadOnlyList<DocumentPart> Parts,
    IReadOnlyList<SectionEntry> Sections,
    IReadOnlyList<StateEntry> States);
