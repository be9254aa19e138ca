using MambaConnector.Numerics.Gated;

namespace MambaConnector.Numerics.LongContext;

/// <summary>A sliding window over the recurrence, without subtracting: two states take in the same tokens, one begun r tokens after the
/// other. When the
/// younger has r tokens it becomes the older, and a new one begins at 0. So what is read holds the last r to 2 r tokens.</summary>
/// <remarks>The window by state difference of arXiv 2410.07145 (equation 8), h_t - (prod g) h_s, with s at a multiple of r. There the two
/// terms grow while their
/// difference stays small, and its digits are lost; here no term is ever large.</remarks>
/// <param name="length">r.</param>
/// <param name="keys">N.</param>
/// <param name="values">P.</param>
/// <param name="origin">The token with which the first younger state begins: r, or later in a text that is under way.</param>
internal sealed class RestartWindow(int length, int keys, int values, int origin)
{
    private double[,] _older = new double[keys, values];
    private double[,] _younger = new double[keys, values];
    private int _firstOfYounger = origin;

    public RestartWindow(int length, int keys, int values)
        : this(length, keys, values, length)
    {
    }

    /// <summary>Tokens read.</summary>
    public int Position { get; private set; }

    /// <summary>The first token that the state holds: 0, and then origin plus a multiple of r.</summary>
    public int First { get; private set; }

    /// <summary>The state to read from, [N, P].</summary>
    public double[,] State => _older;

    public void Advance(GatedStep step)
    {
        // Only now: until a token comes, the state is the one that has just been read.
        if (Position == _firstOfYounger + length)
        {
            First = _firstOfYounger;
            _firstOfYounger = Position;
            (_older, _younger) = (_younger, new double[keys, values]);
        }

        GatedLinearRecurrence.Advance(_older, step);
        if (Position >= _firstOfYounger)
        {
            GatedLinearRecurrence.Advance(_younger, step);
        }

        Position++;
    }
}
