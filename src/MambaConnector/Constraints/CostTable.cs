namespace MambaConnector.Constraints;

/// <summary>The fewest tokens known to complete each node of a grammar, by how many containers may still be opened: the ground for
/// closing a text before its budget runs out. Immutable.</summary>
/// <remarks>A cost is that of a text which can be written token by token, though a shorter one may exist: tokens that reach across the border
/// between two nodes are not counted on. A node that costs <see cref="Infinite"/> has no text that fits.</remarks>
internal sealed class CostTable
{
    public const int Infinite = 1 << 29;

    private readonly Dictionary<Grammar, int> _indices = [];
    private readonly Dictionary<LiteralNode, Segmentation> _segmentations = [];
    private readonly List<int[]> _levels = [];
    private readonly List<List<int>> _users = []; // by node: the nodes that refer to it

    /// <param name="root">The grammar.</param>
    /// <param name="vocabulary">The tokens; <see langword="null"/>: each byte is one.</param>
    public CostTable(Grammar root, Vocabulary? vocabulary)
    {
        Vocabulary = vocabulary;
        List<Grammar> nodes = Reachable(root);
        foreach (LiteralNode literal in nodes.OfType<LiteralNode>())
        {
            _segmentations[literal] = Segmentation.Create(literal.Bytes, vocabulary);
        }

        for (int nesting = 0; nesting <= Automaton.MaximumNesting; nesting++)
        {
            int[] level = new int[nodes.Count];
            Array.Fill(level, Infinite);
            _levels.Add(level);
            Relax(nodes, level, nesting);
            if (nesting > 0 && level.AsSpan().SequenceEqual(_levels[nesting - 1]))
            {
                break; // and so are all that follow
            }
        }
    }

    public Vocabulary? Vocabulary { get; }

    /// <summary>The sum of two costs.</summary>
    public static int Add(int left, int right) => Math.Min(Infinite, left + right);

    /// <summary>A cost a number of times.</summary>
    public static int Multiply(int cost, int count) => (int)Math.Min(Infinite, (long)cost * count);

    /// <summary>The cost of a node from its start.</summary>
    public int Of(Grammar node, int nesting) => nesting < 0 ? Infinite : _levels[Math.Min(nesting, _levels.Count - 1)][_indices[node]];

    /// <summary>How a literal is spelled.</summary>
    public Segmentation SegmentationOf(LiteralNode literal) => _segmentations[literal];

    private void Relax(List<Grammar> nodes, int[] level, int nesting)
    {
        // Nodes refer to each other in circles: what a lower cost concerns is looked at again, until none changes.
        Queue<int> open = new(Enumerable.Range(0, nodes.Count).Reverse());
        bool[] isOpen = new bool[nodes.Count];
        Array.Fill(isOpen, true);
        while (open.TryDequeue(out int index))
        {
            isOpen[index] = false;
            int cost = nodes[index].StartCost(this, nesting);
            if (cost >= level[index])
            {
                continue;
            }

            level[index] = cost;
            foreach (int user in _users[index])
            {
                if (!isOpen[user])
                {
                    isOpen[user] = true;
                    open.Enqueue(user);
                }
            }
        }
    }

    private List<Grammar> Reachable(Grammar root)
    {
        List<Grammar> nodes = [root];
        _indices[root] = 0;
        _users.Add([]);
        for (int index = 0; index < nodes.Count; index++)
        {
            foreach (Grammar child in nodes[index].Children)
            {
                if (_indices.TryAdd(child, nodes.Count))
                {
                    nodes.Add(child);
                    _users.Add([]);
                }

                _users[_indices[child]].Add(index);
            }
        }

        return nodes;
    }
}
