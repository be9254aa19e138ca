namespace MambaConnector.Constraints;

/// <summary>Exactly these bytes. Position: how many of them are there.</summary>
internal sealed class LiteralNode(byte[] bytes) : Grammar
{
    public byte[] Bytes { get; } = bytes;

    internal override int StartCost(CostTable costs, int nesting) => costs.SegmentationOf(this).Costs[0];

    internal override int Cost(CostTable costs, Frame frame) => costs.SegmentationOf(this).Costs[frame.Position];

    internal override void Begin(Automaton automaton, Frame? parent) => GoTo(automaton, 0, parent);

    internal override void Step(Automaton automaton, Frame frame, byte value)
    {
        if (Bytes[frame.Position] == value)
        {
            GoTo(automaton, frame.Position + 1, frame.Parent);
        }
    }

    internal override int PreferredToken(CostTable costs, Frame frame) => costs.SegmentationOf(this).Tokens[frame.Position];

    private void GoTo(Automaton automaton, long position, Frame? parent)
    {
        if (position == Bytes.Length)
        {
            automaton.Return(parent);
        }
        else
        {
            automaton.Await(this, position, null, parent);
        }
    }
}
