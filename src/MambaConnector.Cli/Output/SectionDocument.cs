using MambaConnector.Documents;

namespace MambaConnector.Cli.Output;

/// <summary>A section of a document.</summary>
/// <param name="Index">From 0.</param>
/// <param name="Title">Its heading; empty where it has none.</param>
/// <param name="Part">Which part of what stands under that heading, from 1.</param>
/// <param name="Start">The offset of its first byte in the file.</param>
/// <param name="End">The offset behind its last byte.</param>
internal sealed record SectionDocument(int Index, string Title, int Part, long Start, long End)
{
    public static SectionDocument Of(DocumentSection section) => new(section.Index, section.Title, section.Part, section.Start, section.End);
}
