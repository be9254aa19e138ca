namespace MambaConnector.Cli.Calibration;

/// <summary>How far a search for scales has come: enough to go on from.</summary>
/// <param name="Key">What is searched: a search goes on from its own state alone.</param>
/// <param name="Iteration">Iterations done.</param>
/// <param name="Scales">Where it is, one a layer.</param>
/// <param name="InitialLoss">The loss with all scales 1.</param>
/// <param name="BestScales">The best that was tried.</param>
/// <param name="BestLoss">Its loss.</param>
internal sealed record ScaleSearchState(string Key, int Iteration, float[] Scales, double InitialLoss, float[] BestScales, double BestLoss);
