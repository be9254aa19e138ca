namespace MambaConnector.Constraints;

/// <summary>Strings of any content, their length within bounds. The state is the number of code points so far.</summary>
/// <param name="minimum">The fewest code points.</param>
/// <param name="maximum">The most; <see cref="int.MaxValue"/> for any number.</param>
internal sealed class CountRule(int minimum, int maximum) : TextRule
{
    /// <summary>Any string.</summary>
    public static CountRule Any { get; } = new(0, int.MaxValue);

    public override int Start => minimum <= maximum ? 0 : Dead;

    // Without a most, what lies beyond the fewest is all the same.
    public override int Next(int state, int codePoint) =>
        state >= maximum ? Dead : maximum == int.MaxValue ? Math.Min(state + 1, minimum) : state + 1;

    public override bool Accepts(int state) => state >= minimum;

    public override bool TakesAny(int state, int first, int last) => state < maximum && (first < 0xD800 || last > 0xDFFF);

    public override int Cost(int state, Vocabulary? vocabulary)
    {
        int length = vocabulary?.LongestFiller ?? 1;
        return state >= minimum ? 0 : (int)Math.Min(CostTable.Infinite - 1, ((long)minimum - state + length - 1) / length);
    }

    public override int CostAfterAny(int state, int first, int last, Vocabulary? vocabulary) =>
        TakesAny(state, first, last) ? Cost(Next(state, first), vocabulary) : CostTable.Infinite;

    public override LocalMaskKey KeyOf(long position, int maximumLength)
    {
        int state = TextPosition.State(position);
        int least = Math.Clamp(minimum - state, 0, maximumLength + 1);
        int most = Math.Min(maximum - state, maximumLength + 1);
        return new LocalMaskKey("", least, TextPosition.Create(most, TextPosition.Partial(position)));
    }

    /// <summary>A token that fills the string towards its fewest code points; -1: it has them.</summary>
    public int Filler(int state, Vocabulary vocabulary) =>
        state >= minimum ? -1 : vocabulary.Filler(Math.Min(minimum - state, vocabulary.LongestFiller));
}
