namespace MambaConnector.Constraints;

/// <summary>Everything a text may still become: the frames that wait for its next byte or token. Interned by its <see cref="Automaton"/>:
/// equal states are the same object.</summary>
internal sealed class AutomatonState
{
    private int _cost = -1;

    /// <param name="frames">In the order of their ids.</param>
    /// <param name="isAccepting">Whether the text may end here.</param>
    public AutomatonState(Frame[] frames, bool isAccepting)
    {
        Frames = frames;
        IsAccepting = isAccepting;
    }

    public Frame[] Frames { get; }

    public bool IsAccepting { get; }

    /// <summary>Whether no text can come here.</summary>
    public bool IsDead => Frames.Length == 0 && !IsAccepting;

    /// <summary>The fewest tokens known to complete the text.</summary>
    public int Cost
    {
        get
        {
            if (_cost < 0)
            {
                _cost = IsAccepting ? 0 : CostTable.Infinite;
                foreach (Frame frame in Frames)
                {
                    _cost = Math.Min(_cost, frame.Cost);
                }
            }

            return _cost;
        }
    }

    /// <summary>The states after each byte, as far as they were asked for.</summary>
    public AutomatonState?[]? Next { get; set; }

    /// <summary>The tokens that may come next, if that was asked for.</summary>
    public uint[]? Mask { get; set; }
}
