namespace MambaConnector.Constraints;

/// <summary>How far a string is, in one number: the state of its rule, and the character that has begun.</summary>
internal static class TextPosition
{
    public static long Create(int state, int partial) => (long)state << 32 | (uint)partial;

    /// <summary>The state of the rule.</summary>
    public static int State(long position) => (int)(position >> 32);

    /// <summary>The character that has begun, for <see cref="StringDecoder"/>.</summary>
    public static int Partial(long position) => (int)position;

    /// <summary>The position after a byte, or <see cref="LocalNode.Dead"/>, also when it closes the string.</summary>
    public static long Step(TextRule rule, long position, byte value, out bool isClosed)
    {
        isClosed = false;
        int state = State(position);
        int partial = Partial(position);
        switch (StringDecoder.Step(ref partial, value, out int codePoint))
        {
            case StringOutcome.CodePoint:
                state = rule.Next(state, codePoint);
                return state < 0 ? LocalNode.Dead : Create(state, 0);

            case StringOutcome.Pending:
                return IsAlive(rule, state, partial) ? Create(state, partial) : LocalNode.Dead;

            case StringOutcome.Quote:
                isClosed = rule.Accepts(state);
                return LocalNode.Dead;

            default:
                return LocalNode.Dead;
        }
    }

    /// <summary>The fewest tokens known to complete the string, with its closing quote.</summary>
    public static int Cost(TextRule rule, long position, Vocabulary? vocabulary)
    {
        int state = State(position);
        int partial = Partial(position);
        if (partial == 0)
        {
            return CostTable.Add(rule.Cost(state, vocabulary), 1);
        }

        Span<CodePointRange> ranges = stackalloc CodePointRange[StringDecoder.MaximumRanges];
        int best = CostTable.Infinite;
        foreach (CodePointRange range in ranges[..StringDecoder.Ranges(partial, ranges)])
        {
            best = Math.Min(best, range.Bytes + 1 + rule.CostAfterAny(state, range.First, range.Last, vocabulary));
        }

        bool isSpelled = vocabulary is null || vocabulary.SpellsUtf8 || StringDecoder.IsEscape(partial);
        return isSpelled ? Math.Min(best, CostTable.Infinite) : CostTable.Infinite;
    }

    private static bool IsAlive(TextRule rule, int state, int partial)
    {
        Span<CodePointRange> ranges = stackalloc CodePointRange[StringDecoder.MaximumRanges];
        foreach (CodePointRange range in ranges[..StringDecoder.Ranges(partial, ranges)])
        {
            if (rule.TakesAny(state, range.First, range.Last))
            {
                return true;
            }
        }

        return false;
    }
}
