namespace MambaConnector;

/// <summary>How a chat client serves its requests. Read when the client is made; later changes have no effect.</summary>
public class MambaChatClientOptions
{
    /// <summary>What <c>ChatOptions.ModelId</c> may ask for and responses name. Null: the name in the checkpoint's metadata, or else the name of
    /// its file.</summary>
    public string? ModelId { get; set; }

    /// <summary>Sampling and limits where a request's options are silent; null members take the model's own defaults.</summary>
    public GenerationOptions Generation { get; set; } = new();

    /// <summary>Tokens that a request's rendered prompt may have, those already in a state included; null: any number. More end in an
    /// <see cref="ArgumentException"/>.</summary>
    public int? MaxInputTokens { get; set; }

    /// <summary>Requests that advance together, 1 or more. Each holds a state of <see cref="MambaModelInfo.StateBytes"/>.</summary>
    public int MaxConcurrency { get; set; } = 64;

    /// <summary>Requests that wait for a place, 0 or more. One more ends in a <see cref="MambaBusyException"/>.</summary>
    public int MaxQueueLength { get; set; } = 256;

    /// <summary>Prompt tokens that are read between two decode steps of other requests, from 1: what a long prompt may delay others by.</summary>
    public int PrefillSliceTokens { get; set; } = 128;

    /// <summary>Bytes of states kept so that the beginning of a prompt which was read before is not read again, 0 or more; 0: none is kept. The least
    /// recently used go first. Those of a device are kept in host memory, page-locked.</summary>
    public long PrefixCacheBytes { get; set; } = 512L << 20;

    /// <summary>The long-context policy of requests that name none (<c>long_context_policy</c> in
    /// <see cref="Microsoft.Extensions.AI.ChatOptions.AdditionalProperties"/>); null: the model's,
    /// <see cref="MambaModelOptions.LongContextPolicy"/>. A conversation that is kept goes on with the policy that it has.</summary>
    public LongContextPolicy? LongContextPolicy { get; set; }

    /// <summary>Whether every response comes with a conversation id. Otherwise only those to requests that have one, or
    /// <see cref="MambaChatClient.NewConversation"/> in its place.</summary>
    public bool StoreConversations { get; set; }

    /// <summary>Whether spans, and logs at level Trace, may hold the text of messages and replies.</summary>
    public bool EnableSensitiveData { get; set; }

    /// <summary>Watches the state of every request as it grows, with a <see cref="MambaConnector.CollapseMonitor"/> each: what it finds is logged and
    /// measured, and the last report is in the response's additional properties as <see cref="MambaChatClient.StateHealth"/>. Null: nobody watches. Can
    /// switch the policy, but not read a text anew.</summary>
    public CollapseMonitorOptions? CollapseMonitor { get; set; }

    internal MambaChatClientOptions Copy() => (MambaChatClientOptions)MemberwiseClone();

    /// <exception cref="ArgumentException">A member is out of its range; named.</exception>
    internal void Check()
    {
        CollapseMonitor?.Check();
        if (CollapseMonitor?.Action is CollapseAction.ResetAndReinjectAction)
        {
            throw new ArgumentException(
                "A chat client's CollapseMonitor cannot read a text anew: what the conversation has said would be gone from its state and not from its " +
                "messages. Use CollapseAction.SwitchPolicy, or CollapseAction.Warn and begin a new conversation with a summary.");
        }

        ArgumentNullException.ThrowIfNull(Generation);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxInputTokens ?? 1, 1, nameof(MaxInputTokens));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxConcurrency, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxQueueLength);
        ArgumentOutOfRangeException.ThrowIfLessThan(PrefillSliceTokens, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(PrefixCacheBytes);
    }
}
