using System.Runtime.InteropServices;

namespace MambaConnector.Generation;

/// <summary>How often each token stands in the last <c>window</c> tokens. Allocates only when it is made.</summary>
internal sealed class PenaltyHistory
{
    private readonly int[] _ring;
    private readonly Dictionary<int, int> _counts;
    private long _added;

    public PenaltyHistory(int window)
    {
        _ring = new int[window];
        _counts = new Dictionary<int, int>(window + 1);
    }

    /// <summary>Each distinct token of the window with its count.</summary>
    public Dictionary<int, int> Counts => _counts;

    public void Add(int token)
    {
        ref int slot = ref _ring[_added % _ring.Length];
        if (_added++ >= _ring.Length && --CollectionsMarshal.GetValueRefOrNullRef(_counts, slot) == 0)
        {
            _counts.Remove(slot);
        }

        slot = token;
        CollectionsMarshal.GetValueRefOrAddDefault(_counts, token, out _)++;
    }
}
