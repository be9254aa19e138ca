namespace MambaConnector.Cli.Scoring;

/// <summary>What <see cref="SequenceScorer"/> found.</summary>
/// <param name="LogProbabilities">ln p of each token given those before it; null where there are none before it.</param>
/// <param name="Top">The most likely tokens at each position; empty where they were not asked for.</param>
internal sealed record SequenceScore(double?[] LogProbabilities, TokenLogProbability[][] Top)
{
    /// <summary>Mean of -ln p over the tokens that were scored; null where none was.</summary>
    public double? MeanNegativeLogLikelihood => -LogProbabilities.Average();
}
