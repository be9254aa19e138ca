namespace MambaConnector.Cli.Output;

/// <summary>The keys found at one length.</summary>
/// <param name="Length">Tokens of the prompts at most.</param>
/// <param name="Share">Of all samples, 0 to 1.</param>
/// <param name="Samples">All of them.</param>
internal sealed record PasskeyShare(long Length, double Share, int Samples);
