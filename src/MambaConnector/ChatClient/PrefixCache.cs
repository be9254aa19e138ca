using MambaConnector.Backend;

namespace MambaConnector.ChatClient;

/// <summary>States after beginnings of prompts that were read before, the least recently used of which go first when they exceed a number of bytes.
/// Those of a device rest in host memory. Thread-safe.</summary>
internal sealed class PrefixCache(long maxBytes) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(LongContextPolicy Policy, int Length, TokenChain Chain), Entry> _entries = [];
    private readonly LinkedList<Entry> _recent = []; // the most recently used first
    private bool _isDisposed;

    public bool IsEnabled => maxBytes > 0;

    /// <summary>Of all states kept.</summary>
    public long Bytes { get; private set; }

    public int Count => _entries.Count;

    /// <summary>Keeps a state; takes it over.</summary>
    /// <param name="tokens">All that it has read.</param>
    /// <param name="policy">The long-context policy under which it began to: a monitor may have switched it on the way, and whoever begins so again comes to
    /// the same state.</param>
    /// <param name="state">The state.</param>
    public void Add(ReadOnlySpan<int> tokens, LongContextPolicy policy, IBackendSession state)
    {
        Entry entry = new() { Key = (policy, tokens.Length, TokenChain.Of(tokens)), State = state, Bytes = state.Info.StateBytes };
        bool fits = entry.Bytes <= maxBytes && Rest(state);
        lock (_gate)
        {
            if (_isDisposed || !fits)
            {
                state.Dispose();
                return;
            }

            if (_entries.TryGetValue(entry.Key, out Entry? same))
            {
                Remove(same);
            }

            _entries.Add(entry.Key, entry);
            _recent.AddFirst(entry.Node);
            Bytes += entry.Bytes;
            while (Bytes > maxBytes)
            {
                Remove(_recent.Last!.Value);
            }
        }
    }

    /// <summary>The state that covers most of a prompt, or null.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="policy">The long-context policy under which the prompt is to be read: the state of another has read the same tokens and holds
    /// something else.</param>
    public PrefixMatch? Find(ReadOnlySpan<int> prompt, LongContextPolicy policy)
    {
        int[] lengths;
        lock (_gate)
        {
            lengths = [.. _entries.Keys.Where(key => key.Length > 0 && key.Policy == policy).Select(key => key.Length).Distinct()];
        }

        // Hashing a long prompt takes a moment, too: only lookups are made under the lock, for the lengths that are kept.
        List<(int Length, TokenChain Chain)> beginnings = Beginnings(prompt, lengths);
        Entry? longest = null;
        lock (_gate)
        {
            for (int index = beginnings.Count - 1; index >= 0 && longest is null; index--)
            {
                longest = _entries.GetValueOrDefault((policy, beginnings[index].Length, beginnings[index].Chain));
            }

            if (longest is null)
            {
                return null;
            }

            _recent.Remove(longest.Node);
            _recent.AddFirst(longest.Node);
            longest.Readers++;
        }

        // Copying takes a moment, and others need not wait for it.
        try
        {
            return new PrefixMatch(longest.State.Clone(), longest.Key.Length);
        }
        finally
        {
            lock (_gate)
            {
                longest.Readers--;
                longest.DisposeWhenUnused();
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            while (_recent.Last is { } last)
            {
                Remove(last.Value);
            }
        }
    }

    /// <returns>Whether there is room for a state that is not needed now. To keep it where others compute would be no good.</returns>
    private static bool Rest(IBackendSession state)
    {
        try
        {
            state.Offload(toHost: true);
            return true;
        }
        catch (MambaException)
        {
            return false;
        }
    }

    private static List<(int Length, TokenChain Chain)> Beginnings(ReadOnlySpan<int> prompt, int[] lengths)
    {
        Array.Sort(lengths);
        List<(int Length, TokenChain Chain)> beginnings = [];
        TokenChain chain = default;
        int hashed = 0;
        foreach (int length in lengths)
        {
            if (length > prompt.Length)
            {
                break;
            }

            chain = chain.Add(prompt[hashed..length]);
            hashed = length;
            beginnings.Add((length, chain));
        }

        return beginnings;
    }

    private void Remove(Entry entry)
    {
        _entries.Remove(entry.Key);
        _recent.Remove(entry.Node);
        Bytes -= entry.Bytes;
        entry.IsRemoved = true;
        entry.DisposeWhenUnused();
    }

    /// <summary>A state that is kept.</summary>
    private sealed class Entry
    {
        public Entry() => Node = new LinkedListNode<Entry>(this);

        public required (LongContextPolicy Policy, int Length, TokenChain Chain) Key { get; init; }

        public required IBackendSession State { get; init; }

        public required long Bytes { get; init; }

        public LinkedListNode<Entry> Node { get; }

        /// <summary>Calls that copy the state now.</summary>
        public int Readers { get; set; }

        public bool IsRemoved { get; set; }

        public void DisposeWhenUnused()
        {
            if (IsRemoved && Readers == 0)
            {
                State.Dispose();
            }
        }
    }
}
