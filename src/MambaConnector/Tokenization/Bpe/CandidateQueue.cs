namespace MambaConnector.Tokenization;

/// <summary>
/// A priority queue of candidate merges, smallest key first: rank in the upper 32 bits, position of the left symbol below. Merges mostly
/// make candidates of higher rank than the one just taken, so the queue works through one sorted batch while a heap collects what is new;
/// when the batch is done the heap is sorted into the next one. Long runs of one letter thus cost a few sorts and no sifting.
/// </summary>
internal sealed class CandidateQueue
{
    private const int SmallHeap = 32; // not worth sorting

    private ulong[] _batch = [];
    private int _batchNext;
    private int _batchEnd;
    private ulong[] _heap = [];
    private int _heapCount;

    /// <summary>Adds a candidate.</summary>
    public void Add(int rank, int position)
    {
        if (_heapCount == _heap.Length)
        {
            Array.Resize(ref _heap, Math.Max(64, _heapCount * 2));
        }

        var key = (ulong)(uint)rank << 32 | (uint)position;
        var i = _heapCount++;
        for (; i > 0 && _heap[(i - 1) >> 1] > key; i = (i - 1) >> 1)
        {
            _heap[i] = _heap[(i - 1) >> 1];
        }

        _heap[i] = key;
    }

    /// <summary>Takes the smallest candidate.</summary>
    public bool TryTake(out int rank, out int position)
    {
        ulong key;
        if (_batchNext == _batchEnd && _heapCount > SmallHeap)
        {
            (_batch, _heap) = (_heap, _batch);
            (_batchNext, _batchEnd, _heapCount) = (0, _heapCount, 0);
            Array.Sort(_batch, 0, _batchEnd);
        }

        if (_batchNext < _batchEnd && (_heapCount == 0 || _batch[_batchNext] < _heap[0]))
        {
            key = _batch[_batchNext++];
        }
        else if (_heapCount > 0)
        {
            key = _heap[0];
            SiftDown(_heap[--_heapCount]);
        }
        else
        {
            (rank, position) = (0, 0);
            return false;
        }

        (rank, position) = ((int)(key >> 32), (int)(uint)key);
        return true;
    }

    // Puts a key into the hole at the top.
    private void SiftDown(ulong key)
    {
        var i = 0;
        for (var child = 1; child < _heapCount; child = 2 * i + 1)
        {
            child += child + 1 < _heapCount && _heap[child + 1] < _heap[child] ? 1 : 0;
            if (_heap[child] >= key)
            {
                break;
            }

            _heap[i] = _heap[child];
            i = child;
        }

        _heap[i] = key;
    }
}
