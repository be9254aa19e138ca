namespace MambaConnector.Constraints;

/// <summary>A JSON array. Position: twice the number of items that have begun, and 1 if a comma stands behind them.</summary>
internal sealed class ArrayNode : Grammar
{
    private readonly Grammar[] _first;
    private readonly Grammar? _rest;
    private readonly int _minimum;
    private readonly int _maximum;
    private readonly Grammar[] _children;

    /// <param name="first">What the first items are, each its own.</param>
    /// <param name="rest">What those behind them are; <see langword="null"/>: there are none.</param>
    /// <param name="minimum">The fewest items.</param>
    /// <param name="maximum">The most; <see cref="int.MaxValue"/> for any number.</param>
    public ArrayNode(IReadOnlyList<Grammar> first, Grammar? rest, int minimum, int maximum)
    {
        _first = [.. first];
        _rest = rest;
        _minimum = minimum;
        _maximum = rest is null ? Math.Min(maximum, _first.Length) : maximum;
        Grammar[] others = rest is null ? [] : [rest];
        _children = [.. _first, .. others, JsonNodes.OpenBracket, JsonNodes.CloseBracket, JsonNodes.Comma];
    }

    internal override IReadOnlyList<Grammar> Children => _children;

    internal override bool IsContainer => true;

    internal override int StartCost(CostTable costs, int nesting) =>
        nesting == 0 ? CostTable.Infinite : CostTable.Add(costs.Of(JsonNodes.OpenBracket, nesting), CostFrom(costs, 0, nesting - 1));

    internal override int Cost(CostTable costs, Frame frame) => CostFrom(costs, (int)frame.Position, frame.NestingLeft);

    internal override void Begin(Automaton automaton, Frame? parent) =>
        automaton.Begin(JsonNodes.OpenBracket, automaton.Frame(this, 0, null, parent));

    internal override void Resume(Automaton automaton, Frame frame)
    {
        int count = (int)(frame.Position >> 1);
        bool isAfterComma = (frame.Position & 1) != 0;
        if (!isAfterComma && count >= _minimum)
        {
            automaton.Begin(JsonNodes.CloseBracket, frame.Parent);
        }

        if (count >= _maximum)
        {
            return;
        }

        if (count > 0 && !isAfterComma)
        {
            Frame next = automaton.Frame(this, frame.Position | 1, null, frame.Parent);
            if (next.Cost < CostTable.Infinite)
            {
                automaton.Begin(JsonNodes.Comma, next);
            }

            return;
        }

        // Without a most, what lies beyond all bounds is the same.
        int bound = Math.Max(Math.Max(_minimum, _first.Length), 1);
        int begun = _maximum == int.MaxValue ? Math.Min(count + 1, bound) : count + 1;
        Frame after = automaton.Frame(this, begun << 1, null, frame.Parent);
        if (after.Cost < CostTable.Infinite)
        {
            automaton.Begin(Item(count)!, after);
        }
    }

    // The last of the clamped counts stands for itself and all beyond: an item behind it is one of the rest.
    private Grammar? Item(int index) => index < _first.Length ? _first[index] : _rest;

    private int CostFrom(CostTable costs, int position, int nesting)
    {
        int count = position >> 1;
        bool isAfterComma = (position & 1) != 0;
        int end = Math.Max(_minimum, isAfterComma ? count + 1 : count);
        if (end > _maximum)
        {
            return CostTable.Infinite;
        }

        int sum = costs.Of(JsonNodes.CloseBracket, nesting);
        for (int index = count; index < Math.Min(end, _first.Length); index++)
        {
            sum = CostTable.Add(sum, costs.Of(_first[index], nesting));
        }

        int rest = end - Math.Max(count, _first.Length);
        if (rest > 0)
        {
            sum = CostTable.Add(sum, CostTable.Multiply(costs.Of(_rest!, nesting), rest));
        }

        int commas = Math.Max(0, end - count - (count == 0 || isAfterComma ? 1 : 0));
        return CostTable.Add(sum, CostTable.Multiply(costs.Of(JsonNodes.Comma, nesting), commas));
    }
}
