using System.Text;

namespace MambaConnector.Constraints;

/// <summary>The inside of the key of a property that is not declared: any name that the object does not have yet. Position: a
/// <see cref="TextPosition"/>; detail: a <see cref="KeyProgress"/>; parent: the object, as it will be after the member.</summary>
internal sealed class KeyNode(ObjectNode owner) : LocalNode
{
    // Before its opening quote.
    private static readonly long Unopened = TextPosition.Create(1, 0);

    internal override int StartCost(CostTable costs, int nesting) => CostTable.Infinite; // the object counts it

    internal override int Cost(CostTable costs, Frame frame)
    {
        KeyProgress progress = (KeyProgress)frame.Detail!;
        int value = costs.Of(owner.OtherValue!, frame.NestingLeft);
        if (TextPosition.Partial(frame.Position) == 0)
        {
            return CostTable.Add(value, CostOf(progress));
        }

        // A character that has begun: the first that it may become, each way.
        bool isSpelled = costs.Vocabulary is null || costs.Vocabulary.SpellsUtf8 || StringDecoder.IsEscape(TextPosition.Partial(frame.Position));
        Span<CodePointRange> ranges = stackalloc CodePointRange[StringDecoder.MaximumRanges];
        int best = CostTable.Infinite;
        foreach (CodePointRange range in ranges[..StringDecoder.Ranges(TextPosition.Partial(frame.Position), ranges)])
        {
            if (isSpelled && Rune.IsValid(range.First))
            {
                KeyProgress ended = progress with { Text = progress.Text + new Rune(range.First) };
                best = Math.Min(best, range.Bytes + CostOf(ended));
            }
        }

        return CostTable.Add(value, best);
    }

    internal override void Begin(Automaton automaton, Frame? parent) => throw new InvalidOperationException("An object begins its keys.");

    /// <summary>Begins a key.</summary>
    /// <param name="automaton">The automaton.</param>
    /// <param name="members">The members before it.</param>
    /// <param name="parent">The object, as it will be after the member.</param>
    internal void Begin(Automaton automaton, Members members, Frame parent) =>
        automaton.Begin(JsonNodes.Quote, automaton.Frame(this, Unopened, new KeyProgress("", members), parent));

    internal override void Resume(Automaton automaton, Frame frame) => automaton.Await(this, 0, frame.Detail, frame.Parent);

    internal override void Step(Automaton automaton, Frame frame, byte value)
    {
        KeyProgress progress = (KeyProgress)frame.Detail!;
        int partial = TextPosition.Partial(frame.Position);
        switch (StringDecoder.Step(ref partial, value, out int codePoint))
        {
            case StringOutcome.Pending:
                automaton.Await(this, TextPosition.Create(0, partial), progress, frame.Parent);
                break;

            case StringOutcome.CodePoint:
                automaton.Await(this, 0, progress with { Text = progress.Text + new Rune(codePoint) }, frame.Parent);
                break;

            case StringOutcome.Quote when IsFree(progress, progress.Text):
                owner.EndKey(automaton, frame, progress);
                break;
        }
    }

    internal override LocalMaskKey KeyOf(long position, int maximumLength) => CountRule.Any.KeyOf(position, maximumLength);

    internal override long StepInside(long position, byte value, out bool mayEnd) => TextPosition.Step(CountRule.Any, position, value, out mayEnd);

    internal override bool MayRefuseEnd(Frame frame)
    {
        KeyProgress progress = (KeyProgress)frame.Detail!;
        return owner.DeclaresAny(progress.Text) || progress.Members.HasAny(progress.Text);
    }

    internal override bool RefusesEnd(Frame frame, ReadOnlySpan<byte> bytes)
    {
        KeyProgress progress = (KeyProgress)frame.Detail!;
        int partial = TextPosition.Partial(frame.Position);
        StringBuilder name = new(progress.Text);
        foreach (byte value in bytes)
        {
            if (StringDecoder.Step(ref partial, value, out int codePoint) == StringOutcome.CodePoint)
            {
                name.Append(new Rune(codePoint));
            }
        }

        return !IsFree(progress, name.ToString());
    }

    // What follows is the same for every name.
    internal override void Close(Automaton automaton, Frame frame) => automaton.Begin(owner.OtherValue!, frame.Parent);

    /// <summary>The fewest tokens known to complete a key, with its closing quote.</summary>
    internal int CostOf(KeyProgress progress)
    {
        string text = progress.Text;
        int cost = 1;
        while (!IsFree(progress, text))
        {
            cost++;
            text = NextFree(progress, text) ?? text + 'a';
        }

        return cost;
    }

    private string? NextFree(KeyProgress progress, string text)
    {
        for (char letter = 'a'; letter <= 'z'; letter++)
        {
            if (IsFree(progress, text + letter))
            {
                return text + letter;
            }
        }

        return null;
    }

    private bool IsFree(KeyProgress progress, string name) => !owner.Declares(name) && !progress.Members.Has(name);
}
