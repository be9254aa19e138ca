namespace MambaConnector.Cli.Evaluation;

/// <summary>The samples of one length and depth under one policy.</summary>
/// <param name="Policy">Its <see cref="EvaluatedPolicy.Key"/> where it is kept, its label where it is shown.</param>
/// <param name="Length">Tokens of the prompt at most.</param>
/// <param name="Depth">How far into the noise the key stands, 0 to 1.</param>
/// <param name="Correct">Samples whose answer held the key.</param>
/// <param name="Samples">All of them.</param>
internal sealed record PasskeyCell(string Policy, long Length, double Depth, int Correct, int Samples);
