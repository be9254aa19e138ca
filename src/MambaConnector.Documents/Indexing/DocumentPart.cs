namespace MambaConnector.Documents.Indexing;

/// <summary>Bytes of a document that were read at once.</summary>
/// <param name="Length">How many.</param>
/// <param name="Hash">Their SHA-256, in lower-case hexadecimal.</param>
internal sealed record DocumentPart(long Length, string Hash);
