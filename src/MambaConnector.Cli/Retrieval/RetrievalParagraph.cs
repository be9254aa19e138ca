namespace MambaConnector.Cli.Retrieval;

/// <summary>A paragraph of a document.</summary>
/// <param name="Text">On one line.</param>
/// <param name="Tokens">How many it is, with the blank line behind it.</param>
internal sealed record RetrievalParagraph(string Text, int Tokens);
