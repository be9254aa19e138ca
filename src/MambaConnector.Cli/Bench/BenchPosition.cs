namespace MambaConnector.Cli.Bench;

/// <summary>What a token costs after so many others.</summary>
/// <param name="Position">Tokens before it.</param>
/// <param name="PrefillTokensPerSecond">Median over pieces of 2,048 tokens from the position before to this one.</param>
/// <param name="BestPrefillTokensPerSecond">Of the fastest piece.</param>
/// <param name="DecodeTokensPerSecond">Median over four times 16 tokens from here on.</param>
/// <param name="BestDecodeTokensPerSecond">Of the fastest 16.</param>
/// <param name="RssBytes">Resident memory of the process here.</param>
/// <param name="StateBytes">Of it the session's state.</param>
internal sealed record BenchPosition(
    long Position,
    double PrefillTokensPerSecond,
    double BestPrefillTokensPerSecond,
    double DecodeTokensPerSecond,
    double BestDecodeTokensPerSecond,
    long RssBytes,
    long StateBytes);
