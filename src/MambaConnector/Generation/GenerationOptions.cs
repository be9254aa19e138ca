namespace MambaConnector;

/// <summary>How text is generated. Immutable. A null member takes the model's own default (<see cref="MambaModel.GenerationDefaults"/>), or
/// else the value that changes nothing.</summary>
/// <remarks>The order of the filters: penalties, temperature, top-k, top-p, min-p. Padding ids are never chosen.</remarks>
public sealed record GenerationOptions
{
    /// <summary>Tokens to generate at most, 1 or more. Null: 512.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>Divides the logits. 0 is greedy: the largest logit, the lowest id among equals. At least 0.</summary>
    public float? Temperature { get; init; }

    /// <summary>Keep the k most likely tokens; 0: all.</summary>
    public int? TopK { get; init; }

    /// <summary>Keep the most likely tokens whose probabilities together reach this, in (0, 1]; 1: all.</summary>
    public float? TopP { get; init; }

    /// <summary>Keep tokens at least this likely relative to the most likely one, in [0, 1]; 0: all.</summary>
    public float? MinP { get; init; }

    /// <summary>Divides positive logits and multiplies negative ones of tokens in the penalty window (arXiv 1909.05858); 1: none. More than 0.</summary>
    public float? RepetitionPenalty { get; init; }

    /// <summary>Subtracted from a token's logit for each time it stands in the penalty window. Null: 0.</summary>
    public float? FrequencyPenalty { get; init; }

    /// <summary>Subtracted once from the logit of a token that stands in the penalty window. Null: 0.</summary>
    public float? PresencePenalty { get; init; }

    /// <summary>The penalties look at this many last tokens of the prompt given to the call and of the reply. Tokens that the session
    /// held before do not count, so a session that was saved and loaded continues alike. Null: 256.</summary>
    public int? PenaltyWindow { get; init; }

    /// <summary>Seed of the random choices; null: a random one. The same seed, session and options give the same tokens.</summary>
    public long? Seed { get; init; }

    /// <summary>Texts that end the reply where they first complete, across token borders. The match is cut from the text, and the tokens behind
    /// the cut from the session; a token that the cut goes through stays. Null: none.</summary>
    public IReadOnlyList<string>? StopSequences { get; init; }

    /// <summary>Tokens that end the reply; they give no text and do not enter the session. Null: the model's end tokens.</summary>
    public IReadOnlyList<int>? StopTokenIds { get; init; }

    /// <summary>These options, and where they are silent those of <paramref name="defaults"/>.</summary>
    internal GenerationOptions Or(GenerationOptions defaults) => new()
    {
        MaxTokens = MaxTokens ?? defaults.MaxTokens,
        Temperature = Temperature ?? defaults.Temperature,
        TopK = TopK ?? defaults.TopK,
        TopP = TopP ?? defaults.TopP,
        MinP = MinP ?? defaults.MinP,
        RepetitionPenalty = RepetitionPenalty ?? defaults.RepetitionPenalty,
        FrequencyPenalty = FrequencyPenalty ?? defaults.FrequencyPenalty,
        PresencePenalty = PresencePenalty ?? defaults.PresencePenalty,
        PenaltyWindow = PenaltyWindow ?? defaults.PenaltyWindow,
        Seed = Seed ?? defaults.Seed,
        StopSequences = StopSequences ?? defaults.StopSequences,
        StopTokenIds = StopTokenIds ?? defaults.StopTokenIds,
    };
}
