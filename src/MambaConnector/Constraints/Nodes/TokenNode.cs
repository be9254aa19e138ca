namespace MambaConnector.Constraints;

/// <summary>Exactly this token.</summary>
internal sealed class TokenNode(int id) : Grammar
{
    public int Id { get; } = id;

    internal override int StartCost(CostTable costs, int nesting) => 1;

    internal override int Cost(CostTable costs, Frame frame) => 1;

    internal override void Begin(Automaton automaton, Frame? parent) => automaton.Await(this, 0, null, parent);

    internal override int PreferredToken(CostTable costs, Frame frame) => Id;
}
