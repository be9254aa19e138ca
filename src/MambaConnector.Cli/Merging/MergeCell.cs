namespace MambaConnector.Cli.Merging;

/// <summary>What one way came to with so many parts.</summary>
/// <param name="Parts">Parts that were read alone.</param>
/// <param name="Way">The way.</param>
/// <param name="Loss">Mean -ln p of the continuation, nats a token; null where the way has none.</param>
/// <param name="Found">Share of the keys that were found, 0 to 1.</param>
internal sealed record MergeCell(int Parts, string Way, double? Loss, double Found);
