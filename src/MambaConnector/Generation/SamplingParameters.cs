namespace MambaConnector.Generation;

/// <summary>The options of one generation with the model's defaults filled in, checked.</summary>
internal sealed record SamplingParameters
{
    private const int DefaultPenaltyWindow = 256;

    public float Temperature { get; private init; }

    public int TopK { get; private init; }

    public float TopP { get; private init; }

    public float MinP { get; private init; }

    public float RepetitionPenalty { get; private init; }

    public float FrequencyPenalty { get; private init; }

    public float PresencePenalty { get; private init; }

    public int PenaltyWindow { get; private init; }

    public ulong Seed { get; private init; }

    /// <summary>Whether any penalty changes a logit.</summary>
    public bool HasPenalties => PenaltyWindow > 0 && (RepetitionPenalty != 1 || FrequencyPenalty != 0 || PresencePenalty != 0);

    /// <exception cref="ArgumentOutOfRangeException">A member of <paramref name="options"/> is out of its range; named.</exception>
    public static SamplingParameters Resolve(GenerationOptions options, GenerationDefaults defaults)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxTokens ?? 1, 1, nameof(options.MaxTokens));
        ArgumentOutOfRangeException.ThrowIfNegative(options.PenaltyWindow ?? 0, nameof(options.PenaltyWindow));
        return new SamplingParameters
        {
            Temperature = Require(options.Temperature ?? defaults.Temperature ?? 1, nameof(options.Temperature), "0 or more", static t => t >= 0),

            // Model files write -1 for "all" as well.
            TopK = (int)Require(options.TopK ?? Math.Max(defaults.TopK ?? 0, 0), nameof(options.TopK), "0 or more", static k => k >= 0),
            TopP = Require(options.TopP ?? defaults.TopP ?? 1, nameof(options.TopP), "in (0, 1]", static p => p is > 0 and <= 1),
            MinP = Require(options.MinP ?? defaults.MinP ?? 0, nameof(options.MinP), "in [0, 1]", static p => p is >= 0 and <= 1),
            RepetitionPenalty = Require(
                options.RepetitionPenalty ?? defaults.RepetitionPenalty ?? 1, nameof(options.RepetitionPenalty), "more than 0", static r => r > 0),
            FrequencyPenalty = Require(options.FrequencyPenalty ?? 0, nameof(options.FrequencyPenalty), "finite", static _ => true),
            PresencePenalty = Require(options.PresencePenalty ?? 0, nameof(options.PresencePenalty), "finite", static _ => true),
            PenaltyWindow = options.PenaltyWindow ?? DefaultPenaltyWindow,
            Seed = unchecked((ulong)(options.Seed ?? Random.Shared.NextInt64(long.MinValue, long.MaxValue))),
        };
    }

    private static float Require(float value, string name, string range, Func<float, bool> accepts) =>
        float.IsFinite(value) && accepts(value)
            ? value
            : throw new ArgumentOutOfRangeException(name, value, $"{name} must be {range}.");
}
