namespace MambaConnector;

/// <summary>What <c>AddMambaChatClient</c> registers: a model, where conversations are kept, and how requests are served. Checked when the
/// host starts, read when the client is first asked for; later changes have no effect.</summary>
/// <remarks>In configuration the members are keys of one section (<see cref="MambaChatClientOptions.Generation"/> is a section in it,
/// <see cref="MambaChatClientOptions.LongContextPolicy"/> a text that <see cref="LongContextPolicy.Parse(string)"/> reads, as <c>window:4096</c>;
/// <see cref="ModelFactory"/> and <see cref="MambaChatClientOptions.CollapseMonitor"/> are for code alone). A key that names no member is an error.</remarks>
public sealed class MambaServiceOptions : MambaChatClientOptions
{
    /// <summary>A model directory or a GGUF file. Required, unless there is a <see cref="ModelFactory"/> or the application registered a
    /// <see cref="MambaModel"/> of its own under the same key.</summary>
    public string? ModelPath { get; set; }

    /// <summary>Makes the model, in place of <see cref="ModelPath"/>. The container disposes what it returns.</summary>
    public Func<IServiceProvider, MambaModel>? ModelFactory { get; set; }

    /// <inheritdoc cref="MambaModelOptions.Device" path="/summary"/>
    public string? Device { get; set; }

    /// <inheritdoc cref="MambaModelOptions.ThreadCount" path="/summary"/>
    public int? ThreadCount { get; set; }

    /// <inheritdoc cref="MambaModelOptions.WeightType" path="/summary"/>
    public MambaWeightType WeightType { get; set; } = MambaWeightType.AsStored;

    /// <inheritdoc cref="MambaModelOptions.Isa" path="/summary"/>
    public MambaIsa? Isa { get; set; }

    /// <inheritdoc cref="MambaModelOptions.TokenizerPath" path="/summary"/>
    public string? TokenizerPath { get; set; }

    /// <inheritdoc cref="MambaModelOptions.TrainingLength" path="/summary"/>
    public long? TrainingLength { get; set; }

    /// <summary>The directory in which conversations are kept; made when it is not there. Null: they are kept in memory, or where
    /// <see cref="UseDistributedCache"/> says. An <see cref="IConversationStore"/> that the application registered under the same key takes
    /// the place of all of these.</summary>
    public string? ConversationDirectory { get; set; }

    /// <summary>Whether conversations are kept in the <c>IDistributedCache</c> that the application registered, under the same key or else
    /// without one.</summary>
    public bool UseDistributedCache { get; set; }

    /// <summary>Bytes of all kept conversations together; null: what <see cref="ConversationStoreOptions.MaxBytes"/> begins as. A
    /// distributed cache has limits of its own and takes none here.</summary>
    public long? ConversationMaxBytes { get; set; }

    /// <summary>How long a conversation is kept that nobody continues; null: as long as there is room, in a distributed cache a
    /// day.</summary>
    public TimeSpan? ConversationExpiration { get; set; }

    /// <summary>How a model is loaded by these options: for a <see cref="ModelFactory"/> that loads one.</summary>
    public MambaModelOptions ToModelOptions() => new()
    {
        Device = Device,
        ThreadCount = ThreadCount,
        WeightType = WeightType,
        Isa = Isa,
        TokenizerPath = TokenizerPath,
        TrainingLength = TrainingLength,
    };
}
