namespace MambaConnector.Generation;

/// <summary>The options of one generation, checked and completed from the model before anything runs.</summary>
internal sealed record GenerationPlan
{
    private const int DefaultMaxTokens = 512;

    public required SamplingParameters Sampling { get; init; }

    public required int MaxTokens { get; init; }

    public required IReadOnlyList<string> StopSequences { get; init; }

    public required HashSet<int> StopTokens { get; init; }

    /// <summary>Special tokens that stand in the text, where others are left out of it; null: none.</summary>
    public IReadOnlySet<int>? ShownTokens { get; init; }

    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    /// <exception cref="MambaFormatException">Stop sequences are asked for, and the model has no tokenizer; or it has one that is not
    /// known.</exception>
    public static GenerationPlan Create(MambaModel model, GenerationOptions options)
    {
        GenerationDefaults defaults = model.GenerationDefaults;
        IReadOnlyList<string> stops = options.StopSequences ?? [];
        if (stops.Any(string.IsNullOrEmpty))
        {
            throw new ArgumentException("A stop sequence is empty: it would end every reply at once.", nameof(options));
        }

        // One that cannot be read is an error here, before a state is copied.
        if (model.HasTokenizer || stops.Count > 0)
        {
            _ = model.Tokenizer;
        }

        return new GenerationPlan
        {
            Sampling = SamplingParameters.Resolve(options, defaults),
            MaxTokens = options.MaxTokens ?? DefaultMaxTokens,
            StopSequences = stops,
            StopTokens = [.. options.StopTokenIds ?? defaults.EndTokenIds],
        };
    }
}
