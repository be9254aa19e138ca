namespace MambaConnector.Constraints;

/// <summary>Strings that match a pattern, their length within bounds.</summary>
internal sealed class PatternRule : TextRule
{
    private const int MaximumStates = 20_000;
    private const int MaximumTransitions = 2_000_000;

    private readonly string _key;
    private readonly (int First, int Last, int Target)[][] _transitions;
    private readonly bool[] _accepts;
    private readonly int[] _costs;

    private PatternRule(string key, (int First, int Last, int Target)[][] transitions, bool[] accepts)
    {
        _key = key;
        _accepts = accepts;
        _costs = CostsOf(transitions, accepts);
        _transitions = [.. transitions.Select(row => row.Where(edge => _costs[edge.Target] < CostTable.Infinite).ToArray())];
    }

    public override int Start => _costs[0] < CostTable.Infinite ? 0 : Dead;

    /// <summary>Compiles a pattern.</summary>
    /// <param name="pattern">The pattern, which may stand anywhere in the string unless it is anchored.</param>
    /// <param name="minimum">The fewest code points.</param>
    /// <param name="maximum">The most; <see cref="int.MaxValue"/> for any number.</param>
    /// <exception cref="PatternException">The pattern is malformed, uses what is not supported, or needs too many states.</exception>
    public static PatternRule Create(string pattern, int minimum, int maximum)
    {
        RegexAutomaton automaton = RegexAutomaton.Create(pattern);
        int largest = maximum == int.MaxValue ? minimum : maximum;
        Dictionary<(int State, int Count), int> numbers = new() { [(0, 0)] = 0 };
        List<(int State, int Count)> pairs = [(0, 0)];
        List<(int First, int Last, int Target)[]> transitions = [];
        int size = 0;
        for (int index = 0; index < pairs.Count; index++)
        {
            (int state, int count) = pairs[index];
            size += automaton.Transitions[state].Length;
            if (size > MaximumTransitions)
            {
                throw new PatternException($"with its bounds of length it needs more than {MaximumTransitions} transitions");
            }

            transitions.Add(count == maximum ? [] : [.. automaton.Transitions[state].Select(edge =>
                (edge.First, edge.Last, Number((edge.Target, Math.Min(count + 1, largest)))))]);
        }

        bool[] accepts = [.. pairs.Select(pair => automaton.Accepts[pair.State] && pair.Count >= minimum)];
        return new PatternRule($"{minimum} {maximum} {pattern}", [.. transitions], accepts);

        int Number((int State, int Count) pair)
        {
            if (!numbers.TryGetValue(pair, out int number))
            {
                number = pairs.Count < MaximumStates
                    ? pairs.Count
                    : throw new PatternException($"with its bounds of length it needs more than {MaximumStates} states");
                numbers.Add(pair, number);
                pairs.Add(pair);
            }

            return number;
        }
    }

    public override int Next(int state, int codePoint)
    {
        (int First, int Last, int Target)[] row = _transitions[state];
        int index = FirstBehind(row, codePoint);
        return index < row.Length && row[index].First <= codePoint ? row[index].Target : Dead;
    }

    public override bool Accepts(int state) => _accepts[state];

    public override bool TakesAny(int state, int first, int last)
    {
        (int First, int Last, int Target)[] row = _transitions[state];
        int index = FirstBehind(row, first);
        return index < row.Length && row[index].First <= last;
    }

    public override int Cost(int state, Vocabulary? vocabulary) => _costs[state];

    public override int CostAfterAny(int state, int first, int last, Vocabulary? vocabulary)
    {
        (int First, int Last, int Target)[] row = _transitions[state];
        int best = CostTable.Infinite;
        for (int index = FirstBehind(row, first); index < row.Length && row[index].First <= last; index++)
        {
            best = Math.Min(best, _costs[row[index].Target]);
        }

        return best;
    }

    public override LocalMaskKey KeyOf(long position, int maximumLength) => new(_key, 0, position);

    // The first range that does not end before a code point.
    private static int FirstBehind((int First, int Last, int Target)[] row, int codePoint)
    {
        int low = 0;
        int high = row.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (row[middle].Last < codePoint)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    // The fewest bytes to the end from each state, backwards from the states that accept (Dijkstra's algorithm).
    private static int[] CostsOf((int First, int Last, int Target)[][] transitions, bool[] accepts)
    {
        List<(int Source, int Cost)>[] sources = [.. transitions.Select(_ => new List<(int Source, int Cost)>())];
        for (int state = 0; state < transitions.Length; state++)
        {
            foreach ((int first, int last, int target) in transitions[state])
            {
                sources[target].Add((state, CostOf(first, last)));
            }
        }

        int[] costs = new int[transitions.Length];
        Array.Fill(costs, CostTable.Infinite);
        PriorityQueue<int, int> open = new();
        for (int state = 0; state < accepts.Length; state++)
        {
            if (accepts[state])
            {
                costs[state] = 0;
                open.Enqueue(state, 0);
            }
        }

        while (open.TryDequeue(out int state, out int cost))
        {
            foreach ((int source, int step) in cost == costs[state] ? sources[state] : [])
            {
                if (cost + step < costs[source])
                {
                    costs[source] = cost + step;
                    open.Enqueue(source, cost + step);
                }
            }
        }

        return costs;
    }

    // The fewest bytes of ASCII that write some character of a range in a JSON string.
    private static int CostOf(int first, int last)
    {
        int best = first >= 0x10000 ? 12 : 6;
        for (int codePoint = first; codePoint <= Math.Min(last, '~'); codePoint++)
        {
            best = Math.Min(best, codePoint switch
            {
                '"' or '\\' or '\b' or '\f' or '\n' or '\r' or '\t' => 2,
                >= ' ' => 1,
                _ => 6,
            });
        }

        return best;
    }
}
