namespace MambaConnector.Constraints;

/// <summary>A JSON number within bounds, of at most <see cref="NumberBounds.Digits"/> digits, without an exponent. Position: a packed
/// <see cref="NumberText"/>.</summary>
internal sealed class NumberNode(NumberBounds bounds) : Grammar
{
    internal override int StartCost(CostTable costs, int nesting) => Missing(NumberText.Empty);

    internal override int Cost(CostTable costs, Frame frame) => Missing(NumberText.Unpack(frame.Position));

    internal override void Begin(Automaton automaton, Frame? parent) => automaton.Await(this, NumberText.Empty.Pack(), null, parent);

    internal override void Step(Automaton automaton, Frame frame, byte value)
    {
        if (NumberText.Unpack(frame.Position).Append(value, bounds.IsInteger) is not { } next || !CanEnd(next))
        {
            return;
        }

        // Without bounds, numbers differ only in whether they are 0.
        NumberText held = bounds.IsBounded ? next : next with { Value = Math.Min(next.Value, 1) };
        automaton.Await(this, held.Pack(), null, frame.Parent);
        if (IsAllowed(next))
        {
            automaton.Return(frame.Parent);
        }
    }

    private static Int128 Scaled(NumberText text) =>
        text.Value * NumberBounds.Power(NumberBounds.Digits - Math.Max(text.Fraction, 0)) * (text.IsNegative ? -1 : 1);

    private bool IsAllowed(NumberText text) =>
        text.IsNumber && (!bounds.IsBounded || (Scaled(text) is var value && !(value < bounds.Least) && !(value > bounds.Most)));

    private bool CanEnd(NumberText text)
    {
        if (IsAllowed(text))
        {
            return true;
        }

        if (bounds.IsBounded)
        {
            return Missing(text) < CostTable.Infinite;
        }

        // "-", "1.", "-0": a digit or two must follow; behind "-0" a fraction that is not 0.
        bool isMinusZero = text.IsNegative && text.Count > 0 && text.Value == 0;
        return text.Left > 0 && !(isMinusZero && bounds.IsInteger);
    }

    /// <summary>The fewest bytes that complete a number.</summary>
    private int Missing(NumberText text)
    {
        if (IsAllowed(text))
        {
            return 0;
        }

        if (text == NumberText.Empty)
        {
            NumberText negative = text with { IsNegative = true };
            return Math.Min(MissingDigits(text), CostTable.Add(1, MissingDigits(negative)));
        }

        return MissingDigits(text);
    }

    // Tries every number of further digits before and behind the point: each stands for an interval, on a grid.
    private int MissingDigits(NumberText text)
    {
        (Int128 least, Int128 most) = Magnitudes(text.IsNegative);
        int best = CostTable.Infinite;
        bool isZero = text.Count > 0 && text.Value == 0;
        int whole = text.Fraction >= 0 || isZero ? 0 : text.Left;
        for (int before = text.Count == 0 ? 1 : 0; before <= whole; before++)
        {
            int behind = bounds.IsInteger ? 0 : text.Left - before;
            for (int digits = text.Fraction == 0 ? 1 : 0; digits <= behind; digits++)
            {
                int cost = before + digits + (text.Fraction < 0 && digits > 0 ? 1 : 0);
                if (cost < best && Reaches(text, before, digits, least, most))
                {
                    best = cost;
                }
            }
        }

        return best;
    }

    private static bool Reaches(NumberText text, int before, int digits, Int128 least, Int128 most)
    {
        int places = Math.Max(text.Fraction, 0) + digits;
        Int128 grid = NumberBounds.Power(NumberBounds.Digits - places);

        // In units of the grid: from text000 to text999; a number of several digits does not begin with 0.
        Int128 scale = NumberBounds.Power(before + digits);
        Int128 first = text.Value * scale;
        Int128 last = first + scale - 1;
        if (text.Count == 0 && before > 1)
        {
            first = NumberBounds.Power(before + digits - 1);
        }

        first = Int128.Max(first, (least + grid - 1) / grid);
        last = Int128.Min(last, most / grid);
        return first <= last;
    }

    // What the digits may come to, without the sign.
    private (Int128 Least, Int128 Most) Magnitudes(bool isNegative)
    {
        Int128 limit = NumberBounds.Power(2 * NumberBounds.Digits);
        Int128 least = bounds.Least ?? -limit;
        Int128 most = bounds.Most ?? limit;
        return isNegative ? (Int128.Max(1, -most), -least) : (Int128.Max(0, least), most);
    }
}
