namespace MambaConnector.Tokenization;

/// <summary>The buffers of one merge: a linked list of symbols and a queue of candidate pairs. Reused from piece to piece, by one
/// thread.</summary>
internal sealed class BpeWorkspace
{
    private readonly CandidateQueue _candidates = new();
    private Node[] _nodes = []; // made when a piece is merged: most are remembered
    private int _count;

    /// <summary>Begins a new piece.</summary>
    public void Clear() => _count = 0;

    /// <summary>Appends a symbol.</summary>
    public void Add(int symbol)
    {
        if (_count == _nodes.Length)
        {
            Array.Resize(ref _nodes, Math.Max(64, _count * 2));
        }

        _nodes[_count] = new Node { Symbol = symbol, Previous = _count - 1, Next = _count + 1 };
        _count++;
    }

    /// <summary>Merges the best pair, lowest rank first and leftmost of equals, until none is left: O(n log n).</summary>
    public void MergeAll(MergeMap merges)
    {
        for (var i = 0; i + 1 < _count; i++)
        {
            Offer(merges, i, i + 1);
        }

        while (_candidates.TryTake(out var rank, out var position))
        {
            ref var left = ref _nodes[position];
            if (left.Symbol < 0 || left.Next == _count || !merges.TryGet(left.Symbol, _nodes[left.Next].Symbol, out var merge)
                || !merges.Stands(rank, merge))
            {
                continue; // one of the two has been merged elsewhere since the pair was offered
            }

            ref var right = ref _nodes[left.Next];
            left.Symbol = merge.Symbol;
            left.Next = right.Next;
            right.Symbol = -1;
            if (left.Previous >= 0)
            {
                Offer(merges, left.Previous, position);
            }

            if (left.Next < _count)
            {
                _nodes[left.Next].Previous = position;
                Offer(merges, position, left.Next);
            }
        }
    }

    /// <summary>Walks the symbols that are left: begin with -1, end at -1.</summary>
    public int Next(int index, out int symbol)
    {
        index = index < 0 ? 0 : _nodes[index].Next;
        symbol = index < _count ? _nodes[index].Symbol : -1;
        return index < _count ? index : -1;
    }

    private void Offer(MergeMap merges, int left, int right)
    {
        if (merges.TryGet(_nodes[left].Symbol, _nodes[right].Symbol, out var merge))
        {
            _candidates.Add(merge.Rank, left);
        }
    }

    private struct Node
    {
        public int Symbol;
        public int Previous;
        public int Next;
    }
}
