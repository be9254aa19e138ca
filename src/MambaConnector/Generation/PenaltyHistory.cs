using System.Runtime.InteropServices;

namespace MambaConnector.Generation;

/// <summary>How often each token stands in the last <c>window</c> tokens. Allocates when it is made, and to grow beyond
/// <see cref="InitialCapacity"/> tokens: a window may be as large as an int, to mean all tokens.</summary>
internal sealed class PenaltyHistory
{
    private const int InitialCapacity = 4096;

    private readonly int _window;
    private readonly Queue<int> _tokens;
    private readonly Dictionary<int, int> _counts;

    public PenaltyHistory(int window)
    {
        _window = window;
        _tokens = new Queue<int>(Math.Min(window, InitialCapacity));
        _counts = new Dictionary<int, int>(Math.Min(window, InitialCapacity) + 1);
    }

    /// <summary>Each distinct token of the window with its count.</summary>
    public Dictionary<int, int> Counts => _counts;

    public void Add(int token)
    {
        if (_tokens.Count == _window)
        {
            int oldest = _tokens.Dequeue();
            if (--CollectionsMarshal.GetValueRefOrNullRef(_counts, oldest) == 0)
            {
                _counts.Remove(oldest);
            }
        }

        _tokens.Enqueue(token);
        CollectionsMarshal.GetValueRefOrAddDefault(_counts, token, out _)++;
    }
}
