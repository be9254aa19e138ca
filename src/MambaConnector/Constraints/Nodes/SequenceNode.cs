namespace MambaConnector.Constraints;

/// <summary>One node after the other. Position: the one to begin next.</summary>
internal sealed class SequenceNode(Grammar[] items) : Grammar
{
    internal override IReadOnlyList<Grammar> Children => items;

    internal override int StartCost(CostTable costs, int nesting) => CostFrom(costs, 0, nesting);

    internal override int Cost(CostTable costs, Frame frame) => CostFrom(costs, (int)frame.Position, frame.NestingLeft);

    internal override void Begin(Automaton automaton, Frame? parent) => BeginItem(automaton, 0, parent);

    internal override void Resume(Automaton automaton, Frame frame) => BeginItem(automaton, (int)frame.Position, frame.Parent);

    private void BeginItem(Automaton automaton, int index, Frame? parent)
    {
        if (index == items.Length)
        {
            automaton.Return(parent);
            return;
        }

        // The last one needs no frame to come back to.
        automaton.Begin(items[index], index + 1 == items.Length ? parent : automaton.Frame(this, index + 1, null, parent));
    }

    private int CostFrom(CostTable costs, int index, int nesting)
    {
        int sum = 0;
        for (; index < items.Length; index++)
        {
            sum = CostTable.Add(sum, costs.Of(items[index], nesting));
        }

        return sum;
    }
}
