namespace MambaConnector;

/// <summary>Keeps the states of conversations in memory, for as long as the process lives. Every call takes constant time.</summary>
/// <remarks>The bytes are kept as they are handed in, without a copy. Memory of expired states is freed at the next call.</remarks>
public sealed class MemoryConversationStore : IConversationStore
{
    private readonly ConversationStoreLimits _limits;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<Entry>> _entries = new(StringComparer.Ordinal);

    // The least recently used first: since all expire after the same time, those that expire next are first too.
    private readonly LinkedList<Entry> _order = new();
    private long _bytes;

    /// <summary>Makes an empty store.</summary>
    /// <param name="options">What it forgets; null: as <see cref="ConversationStoreOptions"/> begins.</param>
    /// <param name="timeProvider">The clock of the expiry; null: the system's.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public MemoryConversationStore(ConversationStoreOptions? options = null, TimeProvider? timeProvider = null)
    {
        _limits = new ConversationStoreLimits(options ?? new ConversationStoreOptions());
        _time = timeProvider ?? TimeProvider.System;
    }

    /// <summary>States kept now.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                ForgetExpired();
                return _entries.Count;
            }
        }
    }

    /// <summary>Bytes of the states kept now.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate)
            {
                ForgetExpired();
                return _bytes;
            }
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">No state can have the id.</exception>
    /// <exception cref="IOException">The state alone is larger than <see cref="ConversationStoreOptions.MaxBytes"/>; nothing was
    /// changed.</exception>
    public ValueTask SaveAsync(string id, ReadOnlyMemory<byte> state, CancellationToken cancellationToken = default)
    {
        ConversationId.Check(id);
        cancellationToken.ThrowIfCancellationRequested();
        _limits.Check(id, state.Length);
        lock (_gate)
        {
            ForgetExpired();
            if (_entries.TryGetValue(id, out LinkedListNode<Entry>? replaced))
            {
                Forget(replaced);
            }

            while (_bytes > _limits.MaxBytes - state.Length)
            {
                Forget(_order.First!);
            }

            _entries.Add(id, _order.AddLast(new Entry(id, state, _time.GetTimestamp())));
            _bytes += state.Length;
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<ReadOnlyMemory<byte>?> LoadAsync(string id, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(id);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            ForgetExpired();
            if (!_entries.TryGetValue(id, out LinkedListNode<Entry>? found))
            {
                return new ValueTask<ReadOnlyMemory<byte>?>((ReadOnlyMemory<byte>?)null);
            }

            _order.Remove(found);
            found.Value = found.Value with { UsedAt = _time.GetTimestamp() };
            _order.AddLast(found);
            return new ValueTask<ReadOnlyMemory<byte>?>(found.Value.State);
        }
    }

    /// <inheritdoc/>
    public ValueTask RemoveAsync(string id, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(id);
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            ForgetExpired();
            if (_entries.TryGetValue(id, out LinkedListNode<Entry>? found))
            {
                Forget(found);
            }
        }

        return ValueTask.CompletedTask;
    }

    private void ForgetExpired()
    {
        while (_order.First is LinkedListNode<Entry> first && _limits.IsExpired(_time.GetElapsedTime(first.Value.UsedAt)))
        {
            Forget(first);
        }
    }

    private void Forget(LinkedListNode<Entry> node)
    {
        _order.Remove(node);
        _entries.Remove(node.Value.Id);
        _bytes -= node.Value.State.Length;
    }

    /// <param name="Id">Its name.</param>
    /// <param name="State">Its bytes.</param>
    /// <param name="UsedAt">The clock's timestamp when it was saved or last loaded.</param>
    private readonly record struct Entry(string Id, ReadOnlyMemory<byte> State, long UsedAt);
}
