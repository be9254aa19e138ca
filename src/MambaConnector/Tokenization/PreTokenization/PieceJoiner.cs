namespace MambaConnector.Tokenization;

/// <summary>Turns the alternation of matches and gaps into pieces, as a <see cref="SplitBehavior"/> says. Feed the segments in order,
/// then <see cref="Flush"/>.</summary>
internal ref struct PieceJoiner(ReadOnlySpan<char> text, bool atStart, SplitBehavior behavior, PieceSink sink)
{
    private readonly ReadOnlySpan<char> _text = text;
    private readonly PieceSink _sink = sink;
    private int _start;
    private int _end;
    private bool _isMatch;

    /// <summary>Takes the next segment; an empty one is ignored.</summary>
    public void Add(int start, int end, bool isMatch)
    {
        if (start == end)
        {
            return;
        }

        var joins = _start < _end && behavior switch
        {
            SplitBehavior.Contiguous => isMatch == _isMatch,
            SplitBehavior.MergedWithPrevious => isMatch && !_isMatch,
            SplitBehavior.MergedWithNext => !isMatch && _isMatch,
            _ => false,
        };
        if (!joins)
        {
            Flush();
            _start = start;
        }

        _end = end;
        _isMatch = isMatch;
        if (behavior == SplitBehavior.Removed && isMatch)
        {
            _start = _end;
        }
    }

    /// <summary>Hands out what is still held.</summary>
    public void Flush()
    {
        _sink.Emit(_text[_start.._end], atStart && _start == 0);
        _start = _end;
    }
}
