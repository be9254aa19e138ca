namespace MambaConnector.DependencyInjection;

/// <summary>The members of <see cref="GenerationOptions"/> as configuration binds them: the binder leaves init-only members as they are,
/// without a word.</summary>
internal sealed class GenerationSection
{
    public int? MaxTokens { get; set; }

    public float? Temperature { get; set; }

    public int? TopK { get; set; }

    public float? TopP { get; set; }

    public float? MinP { get; set; }

    public float? RepetitionPenalty { get; set; }

    public float? FrequencyPenalty { get; set; }

    public float? PresencePenalty { get; set; }

    public int? PenaltyWindow { get; set; }

    public long? Seed { get; set; }

    public string[]? StopSequences { get; set; }

    public int[]? StopTokenIds { get; set; }

    public GenerationOptions ToOptions() => new()
    {
        MaxTokens = MaxTokens,
        Temperature = Temperature,
        TopK = TopK,
        TopP = TopP,
        MinP = MinP,
        RepetitionPenalty = RepetitionPenalty,
        FrequencyPenalty = FrequencyPenalty,
        PresencePenalty = PresencePenalty,
        PenaltyWindow = PenaltyWindow,
        Seed = Seed,
        StopSequences = StopSequences,
        StopTokenIds = StopTokenIds,
    };
}
