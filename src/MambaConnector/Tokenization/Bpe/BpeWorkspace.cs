namespace MambaConnector.Tokenization;

/// <summary>The buffers of one merge: a linked list of symbols and a heap of candidate pairs. Reused from piece to piece, by one thread.</summary>
internal sealed class BpeWorkspace
{
    private int[] _symbols = new int[64];
    private int[] _previous = new int[64];
    private int[] _next = new int[64];
    private int _count;

    // Priority: rank, then position of the left symbol; the element is the symbol that the pair would become.
    private readonly PriorityQueue<int, ulong> _candidates = new();

    /// <summary>Begins a new piece.</summary>
    public void Clear() => _count = 0;

    /// <summary>Appends a symbol.</summary>
    public void Add(int symbol)
    {
        if (_count == _symbols.Length)
        {
            Array.Resize(ref _symbols, _count * 2);
            Array.Resize(ref _previous, _count * 2);
            Array.Resize(ref _next, _count * 2);
        }

        _symbols[_count] = symbol;
        _previous[_count] = _count - 1;
        _next[_count] = _count + 1;
        _count++;
    }

    /// <summary>Merges the best pair, lowest rank first and leftmost of equals, until none is left: O(n log n).</summary>
    public void MergeAll(Dictionary<ulong, Merge> merges)
    {
        for (var i = 0; i + 1 < _count; i++)
        {
            Offer(merges, i, i + 1);
        }

        while (_candidates.TryDequeue(out var merged, out var priority))
        {
            var left = (int)(uint)priority;
            var right = _next[left];
            if (_symbols[left] < 0
                || right == _count
                || !merges.TryGetValue(BpeOptions.Pair(_symbols[left], _symbols[right]), out var merge)
                || merge.Symbol != merged)
            {
                continue; // one of the two has been merged elsewhere since the pair was offered
            }

            _symbols[left] = merged;
            _symbols[right] = -1;
            var behind = _next[right];
            _next[left] = behind;
            if (behind < _count)
            {
                _previous[behind] = left;
                Offer(merges, left, behind);
            }

            if (_previous[left] >= 0)
            {
                Offer(merges, _previous[left], left);
            }
        }
    }

    /// <summary>Walks the symbols that are left: begin with -1, end at -1.</summary>
    public int Next(int index, out int symbol)
    {
        index = index < 0 ? 0 : _next[index];
        symbol = index < _count ? _symbols[index] : -1;
        return index < _count ? index : -1;
    }

    private void Offer(Dictionary<ulong, Merge> merges, int left, int right)
    {
        if (merges.TryGetValue(BpeOptions.Pair(_symbols[left], _symbols[right]), out var merge))
        {
            _candidates.Enqueue(merge.Symbol, (ulong)(uint)merge.Rank << 32 | (uint)left);
        }
    }
}
