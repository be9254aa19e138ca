namespace MambaConnector.Constraints;

/// <summary>The inside of a JSON string that follows a rule.</summary>
internal sealed class StringNode(TextRule rule) : TextNode
{
    internal override int StartCost(CostTable costs, int nesting) =>
        rule.Start < 0 ? CostTable.Infinite : TextPosition.Cost(rule, TextPosition.Create(rule.Start, 0), costs.Vocabulary);

    internal override int Cost(CostTable costs, Frame frame) => TextPosition.Cost(rule, frame.Position, costs.Vocabulary);

    internal override void Begin(Automaton automaton, Frame? parent) =>
        automaton.Await(this, TextPosition.Create(rule.Start, 0), null, parent);

    internal override void Step(Automaton automaton, Frame frame, byte value)
    {
        long next = TextPosition.Step(rule, frame.Position, value);
        if (next == TextPosition.Closed)
        {
            Close(automaton, frame);
        }
        else if (next != TextPosition.Dead)
        {
            automaton.Await(this, next, null, frame.Parent);
        }
    }

    internal override int PreferredToken(CostTable costs, Frame frame) =>
        rule is CountRule count && costs.Vocabulary is { } vocabulary && TextPosition.Partial(frame.Position) == 0
            ? count.Filler(TextPosition.State(frame.Position), vocabulary)
            : -1;

    internal override LocalMask LocalMask(Vocabulary vocabulary, Frame frame) => vocabulary.LocalMaskOf(rule, frame.Position);

    internal override bool RefusesEnd(Frame frame, ReadOnlySpan<byte> bytes) => false;

    internal override void Close(Automaton automaton, Frame frame) => automaton.Return(frame.Parent);
}
