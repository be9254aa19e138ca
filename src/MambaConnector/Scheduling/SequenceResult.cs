using MambaConnector.Backend;

namespace MambaConnector.Scheduling;

/// <summary>How a sequence ended.</summary>
/// <param name="State">Holds the prompt and <paramref name="KeptTokens"/>; the receiver's own. Null where it was not asked for.</param>
/// <param name="KeptTokens">The generated tokens without an end token and without those behind the cut of a stop sequence.</param>
/// <param name="FinishReason">Why it ended.</param>
/// <param name="Decode">From the first token to the last.</param>
internal sealed record SequenceResult(IBackendSession? State, IReadOnlyList<int> KeptTokens, FinishReason FinishReason, TimeSpan Decode);
