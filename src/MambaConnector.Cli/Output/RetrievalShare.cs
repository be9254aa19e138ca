namespace MambaConnector.Cli.Output;

/// <summary>The keys that a way found at one length.</summary>
/// <param name="Length">Tokens of the prompts at most.</param>
/// <param name="Share">Of all documents, 0 to 1.</param>
/// <param name="Samples">All of them.</param>
/// <param name="ReadSeconds">Mean time to read a document once, for all questions; 0 where it is read for each.</param>
/// <param name="AskSeconds">Mean time of a question.</param>
internal sealed record RetrievalShare(long Length, double Share, int Samples, double ReadSeconds, double AskSeconds);
