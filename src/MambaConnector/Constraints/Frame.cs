namespace MambaConnector.Constraints;

/// <summary>A node that a text has begun, how far it came in it, and what to go on with afterwards: the top of a stack whose rest is
/// shared. Interned by its <see cref="Automaton"/>: equal frames are the same object.</summary>
internal sealed class Frame
{
    private readonly CostTable _costs;
    private int _cost = -1;

    public Frame(int id, Grammar node, long position, object? detail, Frame? parent, CostTable costs)
    {
        Id = id;
        Node = node;
        Position = position;
        Detail = detail;
        Parent = parent;
        Nesting = (parent?.Nesting ?? 0) + (node.IsContainer ? 1 : 0);
        _costs = costs;
    }

    /// <summary>Its number in the automaton.</summary>
    public int Id { get; }

    public Grammar Node { get; }

    /// <summary>How far, in the node's own terms.</summary>
    public long Position { get; }

    /// <summary>What <see cref="Position"/> cannot hold; compared by value.</summary>
    public object? Detail { get; }

    /// <summary>What to go on with; none at the end of the text.</summary>
    public Frame? Parent { get; }

    /// <summary>How many containers are open, this one included.</summary>
    public int Nesting { get; }

    /// <summary>How many more may be opened inside.</summary>
    public int NestingLeft => Automaton.MaximumNesting - Nesting;

    /// <summary>The fewest tokens known to complete the text from here.</summary>
    public int Cost
    {
        get
        {
            if (_cost < 0)
            {
                _cost = CostTable.Add(Node.Cost(_costs, this), Parent?.Cost ?? 0);
            }

            return _cost;
        }
    }
}
