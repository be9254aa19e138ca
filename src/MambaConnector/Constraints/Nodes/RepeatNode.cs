namespace MambaConnector.Constraints;

/// <summary>A node a number of times. Position: how many have begun.</summary>
internal sealed class RepeatNode(Grammar item, int minimum, int maximum) : Grammar
{
    private readonly Grammar[] _children = [item];

    internal override IReadOnlyList<Grammar> Children => _children;

    internal override int StartCost(CostTable costs, int nesting) => CostAfter(costs, 0, nesting);

    internal override int Cost(CostTable costs, Frame frame) => CostAfter(costs, (int)frame.Position, frame.NestingLeft);

    internal override void Begin(Automaton automaton, Frame? parent) => GoOn(automaton, 0, parent);

    internal override void Resume(Automaton automaton, Frame frame) => GoOn(automaton, (int)frame.Position, frame.Parent);

    private int CostAfter(CostTable costs, int count, int nesting) =>
        count >= minimum ? 0 : CostTable.Multiply(costs.Of(item, nesting), minimum - count);

    private void GoOn(Automaton automaton, int count, Frame? parent)
    {
        if (count >= minimum)
        {
            automaton.Return(parent);
        }

        if (count < maximum)
        {
            // Without a most, what lies beyond the fewest is all the same.
            int next = maximum == int.MaxValue ? Math.Min(count + 1, Math.Max(minimum, 1)) : count + 1;
            automaton.Begin(item, next == maximum ? parent : automaton.Frame(this, next, null, parent));
        }
    }
}
