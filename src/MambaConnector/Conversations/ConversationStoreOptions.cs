namespace MambaConnector;

/// <summary>What a conversation store forgets. Read when the store is made; later changes have no effect.</summary>
public sealed class ConversationStoreOptions
{
    /// <summary>Bytes of all states together, 1 or more; the least recently used are forgotten first. A larger state is refused.</summary>
    public long MaxBytes { get; set; } = 1L << 30;

    /// <summary>How long a state is kept that nobody saves or loads, above zero; null: as long as <see cref="MaxBytes"/> allows.</summary>
    public TimeSpan? SlidingExpiration { get; set; }
}
