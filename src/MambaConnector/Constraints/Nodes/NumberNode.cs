namespace MambaConnector.Constraints;

/// <summary>A JSON number within bounds, of at most <see cref="NumberBounds.Digits"/> digits, without an exponent. Position: a packed
/// <see cref="NumberText"/>.</summary>
internal sealed class NumberNode(NumberBounds bounds) : LocalNode
{
    private readonly string _key = bounds.ToString();

    internal override int StartCost(CostTable costs, int nesting) => Missing(NumberText.Empty);

    internal override int Cost(CostTable costs, Frame frame) => Missing(NumberText.Unpack(frame.Position));

    internal override void Begin(Automaton automaton, Frame? parent) => automaton.Await(this, NumberText.Empty.Pack(), null, parent);

    internal override void Step(Automaton automaton, Frame frame, byte value)
    {
        long next = StepInside(frame.Position, value, out bool mayEnd);
        if (next != Dead)
        {
            automaton.Await(this, next, null, frame.Parent);
        }

        if (mayEnd)
        {
            Close(automaton, frame);
        }
    }

    internal override LocalMaskKey KeyOf(long position, int maximumLength) => new(_key, 0, position);

    internal override long StepInside(long position, byte value, out bool mayEnd)
    {
        mayEnd = false;
        if (NumberText.Unpack(position).Append(value, bounds.IsInteger) is not { } next || !CanEnd(next) ||
            (bounds is { IsInteger: true, IsBounded: false } && next.Count > NumberBounds.IntegerDigits))
        {
            return Dead;
        }

        mayEnd = IsAllowed(next);

        // Without bounds, numbers differ only in whether they are 0.
        return (bounds.IsBounded ? next : next with { Value = Math.Min(next.Value, 1) }).Pack();
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
            return IsWithinReach(text);
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

    // With all the digits there may be behind the point: fewer reach nothing more.
    private bool IsWithinReach(NumberText text)
    {
        (Int128 least, Int128 most) = Magnitudes(text.IsNegative);
        int whole = LeftBeforePoint(text);
        for (int before = text.Count == 0 ? 1 : 0; before <= whole; before++)
        {
            if (Reaches(text, before, bounds.IsInteger ? 0 : text.Left - before, least, most))
            {
                return true;
            }
        }

        return false;
    }

    private static int LeftBeforePoint(NumberText text) => text.Fraction >= 0 || (text.Count > 0 && text.Value == 0) ? 0 : text.Left;

    // Tries every number of further digits before and behind the point: each stands for an interval, on a grid.
    private int MissingDigits(NumberText text)
    {
        (Int128 least, Int128 most) = Magnitudes(text.IsNegative);
        int best = CostTable.Infinite;
        int whole = LeftBeforePoint(text);
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
        return most >= 0 && first <= last;
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
