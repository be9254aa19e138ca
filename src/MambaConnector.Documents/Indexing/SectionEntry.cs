namespace MambaConnector.Documents.Indexing;

/// <summary>A section, and where its text is.</summary>
/// <param name="Section">The section.</param>
/// <param name="Offset">Where its compressed text begins in the file.</param>
/// <param name="Length">How many bytes that has.</param>
/// <param name="Checksum">Its CRC-32C.</param>
internal sealed record SectionEntry(DocumentSection Section, long Offset, int Length, uint Checksum);
