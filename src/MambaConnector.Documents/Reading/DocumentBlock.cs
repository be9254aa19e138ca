namespace MambaConnector.Documents;

/// <summary>A paragraph, a heading or the like: what a document is read in.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Level">Of a heading 1 (the document's title) to 6; else 0.</param>
/// <param name="Text">Plain text without markup, never empty, without white space at its ends and without NULs; lines end with <c>\n</c>.</param>
/// <param name="Start">The offset of its first byte in the source.</param>
/// <param name="End">The offset behind its last byte.</param>
public sealed record DocumentBlock(DocumentBlockKind Kind, int Level, string Text, long Start, long End);
