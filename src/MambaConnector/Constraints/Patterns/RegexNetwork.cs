namespace MambaConnector.Constraints;

/// <summary>A pattern as a nondeterministic automaton that finds it anywhere in a string (Thompson's construction).</summary>
internal sealed class RegexNetwork
{
    /// <summary>The state where the pattern has been found.</summary>
    public const int Found = 1;

    private const int MaximumStates = 20_000;
    private const int Search = 0;

    private readonly List<List<(CodePointSet Set, int Target)>> _edges = [];
    private readonly List<List<(RegexKind? Condition, int Target)>> _jumps = [];

    /// <param name="pattern">The pattern.</param>
    /// <exception cref="PatternException">It needs too many states.</exception>
    public RegexNetwork(RegexNode pattern)
    {
        int search = NewState();
        int found = NewState();
        int start = NewState();
        _edges[search].Add((CodePointSet.Any, search));
        _edges[found].Add((CodePointSet.Any, found));
        _jumps[search].Add((null, start));
        _jumps[Build(pattern, start)].Add((null, found));
    }

    /// <summary>The states before the first character.</summary>
    public int[] Start => Closure([Search], isStart: true, isEnd: false);

    /// <summary>The edges of a state.</summary>
    public IReadOnlyList<(CodePointSet Set, int Target)> Edges(int state) => _edges[state];

    /// <summary>States and those that can be reached without a character, ascending.</summary>
    /// <param name="states">The states.</param>
    /// <param name="isStart">Whether nothing stands before.</param>
    /// <param name="isEnd">Whether nothing follows.</param>
    public int[] Closure(IEnumerable<int> states, bool isStart, bool isEnd)
    {
        HashSet<int> reached = [.. states];
        Stack<int> open = new(reached);
        while (open.TryPop(out int state))
        {
            foreach ((RegexKind? condition, int target) in _jumps[state])
            {
                bool holds = condition is null || (condition == RegexKind.Start ? isStart : isEnd);
                if (holds && reached.Add(target))
                {
                    open.Push(target);
                }
            }
        }

        return [.. reached.Order()];
    }

    private int NewState()
    {
        if (_edges.Count == MaximumStates)
        {
            throw new PatternException($"it needs more than {MaximumStates} states");
        }

        _edges.Add([]);
        _jumps.Add([]);
        return _edges.Count - 1;
    }

    /// <returns>Where it ends.</returns>
    private int Build(RegexNode node, int start)
    {
        switch (node.Kind)
        {
            case RegexKind.Set:
                int next = NewState();
                _edges[start].Add((node.Set, next));
                return next;

            case RegexKind.Sequence:
                return node.Parts.Aggregate(start, (state, part) => Build(part, state));

            case RegexKind.Choice:
                int join = NewState();
                foreach (RegexNode part in node.Parts)
                {
                    int branch = NewState();
                    _jumps[start].Add((null, branch));
                    _jumps[Build(part, branch)].Add((null, join));
                }

                return join;

            case RegexKind.Repeat:
                return BuildRepeat(node, start);

            default:
                int behind = NewState();
                _jumps[start].Add((node.Kind, behind));
                return behind;
        }
    }

    private int BuildRepeat(RegexNode node, int start)
    {
        for (int count = 0; count < node.Minimum; count++)
        {
            start = Build(node.Parts[0], start);
        }

        int end = NewState();
        if (node.Maximum == int.MaxValue)
        {
            int loop = NewState();
            _jumps[start].Add((null, loop));
            _jumps[Build(node.Parts[0], loop)].Add((null, loop));
            _jumps[loop].Add((null, end));
            return end;
        }

        for (int count = node.Minimum; count < node.Maximum; count++)
        {
            _jumps[start].Add((null, end));
            start = Build(node.Parts[0], start);
        }

        _jumps[start].Add((null, end));
        return end;
    }
}
