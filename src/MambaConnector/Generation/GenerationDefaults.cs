namespace MambaConnector;

/// <summary>What a checkpoint says about generating with it. Immutable. A null member means that it does not say.</summary>
public sealed record GenerationDefaults
{
    /// <summary>Tokens that end a reply: the union of <c>generation_config.json</c>, <c>tokenizer_config.json</c> and GGUF keys.</summary>
    public IReadOnlyList<int> EndTokenIds { get; init; } = [];

    /// <summary>0 where the checkpoint asks for greedy decoding (<c>do_sample: false</c>).</summary>
    public float? Temperature { get; init; }

    /// <summary>See <see cref="GenerationOptions.TopK"/>.</summary>
    public int? TopK { get; init; }

    /// <summary>See <see cref="GenerationOptions.TopP"/>.</summary>
    public float? TopP { get; init; }

    /// <summary>See <see cref="GenerationOptions.MinP"/>.</summary>
    public float? MinP { get; init; }

    /// <summary>See <see cref="GenerationOptions.RepetitionPenalty"/>.</summary>
    public float? RepetitionPenalty { get; init; }
}
