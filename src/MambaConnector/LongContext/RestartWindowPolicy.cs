using System.Globalization;

namespace MambaConnector;

/// <summary>A sliding window in its exact two-accumulator form: the state holds what the last r to 2 r tokens of each layer's input left in
/// it.</summary>
/// <remarks>Each layer has two states fed by the same inputs, one that began at a multiple of r and one that began r tokens later. What is read is
/// the first; when the second is r tokens old, it takes the first one's place, and another begins at 0. With s the token at which the first began
/// that is <c>h_t - exp(A (dt_{s+1} + ... + dt_t)) h_s</c>, the difference of arXiv 2410.07145 (equation 8), without its cancellation. A session
/// that has read at most 2 r tokens is exactly as without a policy. Cost: a second state a session, and its update; no second pass. Layers above the
/// first see farther than 2 r tokens, because what they read comes from windows of their own.</remarks>
public sealed record RestartWindowPolicy : LongContextPolicy
{
    /// <summary>What windows are multiples of: the engine's chunk.</summary>
    internal const int Step = 64;

    /// <summary>Creates the policy.</summary>
    /// <inheritdoc cref="LongContextPolicy.RestartWindow" path="/param"/>
    /// <inheritdoc cref="LongContextPolicy.RestartWindow" path="/exception"/>
    public RestartWindowPolicy(int tokens) => Tokens = Check(tokens);

    /// <summary>r: what is read is the last r to 2 r tokens.</summary>
    public int Tokens { get; }

    private protected override string Text => string.Create(CultureInfo.InvariantCulture, $"window:{Tokens}");

    internal static int Check(int tokens) => tokens > 0 && tokens % Step == 0
        ? tokens
        : throw new ArgumentOutOfRangeException(nameof(tokens), tokens, $"A window is a positive multiple of {Step} tokens.");
}
