namespace MambaConnector.Cli.Output;

/// <summary>What a way of asking has yet to read.</summary>
/// <param name="Way">Its name.</param>
/// <param name="Tokens">Those of indexes and sections at the first way that needs them.</param>
/// <param name="Seconds">Time that takes, without answers.</param>
internal sealed record EvalEstimateWay(string Way, long Tokens, double Seconds);
