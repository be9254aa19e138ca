namespace MambaConnector.Constraints;

/// <summary>One of several nodes; of none, nothing fits.</summary>
internal sealed class ChoiceNode(Grammar[] alternatives) : Grammar
{
    internal override IReadOnlyList<Grammar> Children => alternatives;

    internal override int StartCost(CostTable costs, int nesting)
    {
        int best = CostTable.Infinite;
        foreach (Grammar alternative in alternatives)
        {
            best = Math.Min(best, costs.Of(alternative, nesting));
        }

        return best;
    }

    internal override int Cost(CostTable costs, Frame frame) => StartCost(costs, frame.NestingLeft);

    internal override void Begin(Automaton automaton, Frame? parent)
    {
        foreach (Grammar alternative in alternatives)
        {
            automaton.Begin(alternative, parent);
        }
    }
}
