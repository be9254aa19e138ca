namespace MambaConnector.Constraints;

/// <summary>A pattern as a deterministic automaton over code points. Immutable.</summary>
/// <param name="Transitions">By state: ranges of code points, ascending and without surrogates, and the state each leads to.</param>
/// <param name="Accepts">By state: whether the string may end.</param>
internal sealed record RegexAutomaton(IReadOnlyList<(int First, int Last, int Target)[]> Transitions, IReadOnlyList<bool> Accepts)
{
    private const int MaximumStates = 10_000;

    // In states of the network that are looked at, those of a set several times: about a second.
    private const int MaximumWork = 2_000_000;

    /// <summary>Compiles a pattern; state 0 is the start.</summary>
    /// <exception cref="PatternException">It is malformed, uses what is not supported, or needs too many states.</exception>
    public static RegexAutomaton Create(string pattern)
    {
        RegexNetwork network = new(RegexParser.Parse(pattern));
        Dictionary<string, int> numbers = [];
        List<int[]> sets = [];
        List<(int First, int Last, int Target)[]> transitions = [];
        List<bool> accepts = [];
        int work = 0;
        _ = Number(network.Start);
        for (int state = 0; state < sets.Count; state++)
        {
            int[] set = sets[state];
            accepts.Add(network.Closure(set, state == 0, isEnd: true).Contains(RegexNetwork.Found));
            transitions.Add(Follow(network, set, Number, Spend));
        }

        return new RegexAutomaton(transitions, accepts);

        int Number(int[] set)
        {
            // Once it is found, nothing else matters. The start is a state of its own: only there does '^' hold.
            int[] held = set.Contains(RegexNetwork.Found) ? [RegexNetwork.Found] : set;
            Spend(4 * set.Length);
            string key = (sets.Count == 0 ? "start" : "") + string.Join(',', held);
            if (!numbers.TryGetValue(key, out int number))
            {
                number = sets.Count < MaximumStates ? sets.Count : throw new PatternException($"it needs more than {MaximumStates} states");
                numbers.Add(key, number);
                sets.Add(held);
            }

            return number;
        }

        void Spend(int states) =>
            work = work + states <= MaximumWork ? work + states : throw new PatternException("its repeats overlap in too many ways");
    }

    private static (int First, int Last, int Target)[] Follow(RegexNetwork network, int[] set, Func<int[], int> number, Action<int> spend)
    {
        List<(int First, int Last, int Target)> edges = [];
        SortedSet<int> borders = [0, 0xD800, 0xE000, 0x110000];
        foreach (int state in set)
        {
            foreach ((CodePointSet characters, int target) in network.Edges(state))
            {
                spend(characters.Ranges.Count);
                foreach ((int first, int last) in characters.Ranges)
                {
                    edges.Add((first, last, target));
                    borders.Add(first);
                    borders.Add(last + 1);
                }
            }
        }

        edges.Sort();
        List<(int First, int Last, int Target)> transitions = [];
        Dictionary<string, int> known = [];
        List<(int First, int Last, int Target)> open = [];
        int begun = 0;
        int[] ordered = [.. borders];
        for (int index = 0; index + 1 < ordered.Length; index++)
        {
            int first = ordered[index];
            open.RemoveAll(edge => edge.Last < first);
            for (; begun < edges.Count && edges[begun].First == first; begun++)
            {
                open.Add(edges[begun]);
            }

            spend(open.Count);
            int[] targets = [.. open.Select(edge => edge.Target).Distinct().Order()];
            if (targets.Length == 0 || first is >= 0xD800 and <= 0xDFFF)
            {
                continue;
            }

            string key = string.Join(',', targets);
            if (!known.TryGetValue(key, out int next))
            {
                next = number(network.Closure(targets, isStart: false, isEnd: false));
                known.Add(key, next);
            }

            if (transitions.Count > 0 && transitions[^1].Target == next && transitions[^1].Last == first - 1)
            {
                transitions[^1] = transitions[^1] with { Last = ordered[index + 1] - 1 };
            }
            else
            {
                transitions.Add((first, ordered[index + 1] - 1, next));
            }
        }

        return [.. transitions];
    }
}
