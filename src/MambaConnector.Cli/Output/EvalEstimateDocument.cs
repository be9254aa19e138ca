namespace MambaConnector.Cli.Output;

/// <summary>What the rest of a run of <c>mamba eval retrieval</c> may take.</summary>
/// <param name="TokensPerSecond">Speed of a prompt now.</param>
/// <param name="Ways">Way by way.</param>
/// <param name="Tokens">Of all ways.</param>
/// <param name="Seconds">Of all ways, without answers.</param>
internal sealed record EvalEstimateDocument(double TokensPerSecond, IReadOnlyList<EvalEstimateWay> Ways, long Tokens, double Seconds);
