namespace MambaConnector.Documents;

/// <summary>Blocks of a document that belong together: what follows a heading, or a part of it of about
/// <see cref="DocumentIndexOptions.SectionTokens"/>.</summary>
/// <param name="Index">From 0.</param>
/// <param name="Level">That of its heading, 1 to 6; 0 where none stands before it.</param>
/// <param name="Title">Its heading's text; empty where none stands before it.</param>
/// <param name="Part">Which part of what stands under that heading, from 1.</param>
/// <param name="Start">The offset of its first byte in the source.</param>
/// <param name="End">The offset behind its last byte.</param>
/// <param name="TokenStart">Tokens that a session of the index has read before it, the opening of the prompt included.</param>
/// <param name="TokenEnd">Tokens that the session has read with it: the <see cref="MambaSession.TokenCount"/> of
/// <see cref="DocumentIndex.OpenBorder"/>.</param>
public sealed record DocumentSection(int Index, int Level, string Title, int Part, long Start, long End, long TokenStart, long TokenEnd)
{
    /// <summary>How many tokens it has.</summary>
    public int TokenCount => checked((int)(TokenEnd - TokenStart));
}
