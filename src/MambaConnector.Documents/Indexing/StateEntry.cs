namespace MambaConnector.Documents.Indexing;

/// <summary>A saved state in an index.</summary>
/// <param name="Border">The index of the section that it stands behind; -1: it has read only the prompt's opening.</param>
/// <param name="Offset">Where it begins in the file.</param>
/// <param name="Length">How many bytes it has.</param>
internal sealed record StateEntry(int Border, long Offset, int Length);
