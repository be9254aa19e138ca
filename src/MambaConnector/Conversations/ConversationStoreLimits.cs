namespace MambaConnector;

/// <summary>Checked <see cref="ConversationStoreOptions"/>.</summary>
internal readonly record struct ConversationStoreLimits
{
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public ConversationStoreLimits(ConversationStoreOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxBytes, 1, nameof(ConversationStoreOptions.MaxBytes));
        if (options.SlidingExpiration is TimeSpan time)
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero, nameof(ConversationStoreOptions.SlidingExpiration));
        }

        MaxBytes = options.MaxBytes;
        SlidingExpiration = options.SlidingExpiration;
    }

    public long MaxBytes { get; }

    public TimeSpan? SlidingExpiration { get; }

    /// <exception cref="IOException">The state alone is too large.</exception>
    public void Check(string id, int bytes)
    {
        if (bytes > MaxBytes)
        {
            throw new IOException(
                $"The state '{id}' has {bytes} bytes, the store keeps {MaxBytes} in all: raise {nameof(ConversationStoreOptions)}." +
                $"{nameof(MaxBytes)}. Nothing was changed.");
        }
    }

    public bool IsExpired(TimeSpan unused) => unused >= SlidingExpiration;
}
