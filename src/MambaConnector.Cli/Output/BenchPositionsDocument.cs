using MambaConnector.Cli.Bench;

namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>bench --length</c>.</summary>
/// <param name="Device">Where it ran.</param>
/// <param name="DeviceName">What its maker calls it.</param>
/// <param name="Isa">With which instructions; null on a CUDA device.</param>
/// <param name="Weights">The type of the matrices.</param>
/// <param name="Policy">The session's long-context policy.</param>
/// <param name="Positions">One after the other in one session.</param>
/// <param name="SavedBytes">Bytes of the session, saved at the last position.</param>
/// <param name="ContinuesExactly">Whether the logits of the next 64 tokens were the same, bit by bit, from the session and from the one that was
/// loaded.</param>
internal sealed record BenchPositionsDocument(
    string Device,
    string DeviceName,
    string? Isa,
    string Weights,
    string Policy,
    IReadOnlyList<BenchPosition> Positions,
    long SavedBytes,
    bool ContinuesExactly);
