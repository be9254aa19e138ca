namespace MambaConnector.Constraints;

/// <summary>Another node, which may contain this one: how a grammar refers to itself.</summary>
internal sealed class ReferenceNode : Grammar
{
    private Grammar[] _target = [];

    /// <summary>The other node; set once, before the grammar is used.</summary>
    public Grammar Target
    {
        get => _target[0];
        set => _target = [value];
    }

    internal override IReadOnlyList<Grammar> Children => _target;

    internal override int StartCost(CostTable costs, int nesting) => costs.Of(Target, nesting);

    internal override int Cost(CostTable costs, Frame frame) => costs.Of(Target, frame.NestingLeft);

    // By way of a frame that does nothing else: a circle of references without a text in it comes to the same frame again, and ends there.
    internal override void Begin(Automaton automaton, Frame? parent) => automaton.Return(automaton.Frame(this, 0, null, parent));

    internal override void Resume(Automaton automaton, Frame frame) => automaton.Begin(Target, frame.Parent);
}
