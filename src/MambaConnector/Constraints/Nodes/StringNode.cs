namespace MambaConnector.Constraints;

/// <summary>The inside of a JSON string that follows a rule, its closing quote included. Position: a <see cref="TextPosition"/>.</summary>
internal sealed class StringNode(TextRule rule) : LocalNode
{
    internal override int StartCost(CostTable costs, int nesting) =>
        rule.Start < 0 ? CostTable.Infinite : TextPosition.Cost(rule, TextPosition.Create(rule.Start, 0), costs.Vocabulary);

    internal override int Cost(CostTable costs, Frame frame) => TextPosition.Cost(rule, frame.Position, costs.Vocabulary);

    internal override void Begin(Automaton automaton, Frame? parent) =>
        automaton.Await(this, TextPosition.Create(rule.Start, 0), null, parent);

    internal override void Step(Automaton automaton, Frame frame, byte value)
    {
        long next = StepInside(frame.Position, value, out bool isClosed);
        if (isClosed)
        {
            Close(automaton, frame);
        }
        else if (next != Dead)
        {
            automaton.Await(this, next, null, frame.Parent);
        }
    }

    internal override int PreferredToken(CostTable costs, Frame frame) =>
        rule is CountRule count && costs.Vocabulary is { } vocabulary && TextPosition.Partial(frame.Position) == 0
            ? count.Filler(TextPosition.State(frame.Position), vocabulary)
            : -1;

    internal override LocalMaskKey KeyOf(long position, int maximumLength) => rule.KeyOf(position, maximumLength);

    internal override long StepInside(long position, byte value, out bool mayEnd) => TextPosition.Step(rule, position, value, out mayEnd);
}
