namespace MambaConnector.Constraints;

/// <summary>One node after the other. Position: the one to begin next.</summary>
/// <param name="items">The nodes.</param>
/// <param name="isContainer">Whether they are a whole object or array, its brackets included.</param>
internal sealed class SequenceNode(Grammar[] items, bool isContainer = false) : Grammar
{
    internal override IReadOnlyList<Grammar> Children => items;

    internal override bool IsContainer => isContainer;

    internal override int StartCost(CostTable costs, int nesting) =>
        !isContainer ? CostFrom(costs, 0, nesting) : nesting == 0 ? CostTable.Infinite : CostFrom(costs, 0, nesting - 1);

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
