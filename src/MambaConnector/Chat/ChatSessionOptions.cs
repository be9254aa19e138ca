namespace MambaConnector;

/// <summary>How a <see cref="ChatSession"/> behaves. Immutable.</summary>
public sealed record ChatSessionOptions
{
    /// <summary>Instructions that stand before the first message; null: none, or the template's default.</summary>
    public string? SystemPrompt { get; init; }

    /// <summary>How replies are generated, unless a call says otherwise; null: as the model says.</summary>
    public GenerationOptions? Generation { get; init; }

    /// <summary>Bytes of states kept for <see cref="ChatSession.Undo"/>, beside the current one: the oldest go first. At least one is
    /// kept.</summary>
    public long UndoBytes { get; init; } = 256L << 20;
}
