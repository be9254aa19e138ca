namespace MambaConnector.Constraints;

/// <summary>A JSON object: its properties in any order, each at most once. Position: what comes next; detail: the <see cref="Members"/> so
/// far.</summary>
internal sealed class ObjectNode : Grammar
{
    private const int Opened = 0;
    private const int AfterMember = 1;
    private const int AfterComma = 2;

    private readonly Grammar[] _members; // key, colon and value
    private readonly bool[] _required;
    private readonly HashSet<string> _names;
    private readonly KeyNode? _otherKey;
    private readonly Grammar[] _children;

    /// <param name="properties">The declared properties; their names differ.</param>
    /// <param name="others">What any other property may be; <see langword="null"/>: there are no others.</param>
    public ObjectNode(IReadOnlyList<ObjectProperty> properties, Grammar? others)
    {
        _members = [.. properties.Select(property => JsonNodes.Member(property.Name, property.Value))];
        _required = [.. properties.Select(property => property.IsRequired)];
        _names = [.. properties.Select(property => property.Name)];
        if (others is not null)
        {
            _otherKey = new KeyNode(this);
            OtherValue = JsonNodes.AfterKey(others);
        }

        Grammar[] other = OtherValue is null ? [] : [OtherValue, JsonNodes.Quote];
        _children = [.. _members, .. other, JsonNodes.OpenBrace, JsonNodes.CloseBrace, JsonNodes.Comma];
    }

    /// <summary>Colon and value of a property that is not declared, if there may be such.</summary>
    internal Grammar? OtherValue { get; }

    internal override IReadOnlyList<Grammar> Children => _children;

    internal override bool IsContainer => true;

    /// <summary>Whether a property of that name is declared.</summary>
    internal bool Declares(string name) => _names.Contains(name);

    /// <summary>Whether a property is declared whose name begins like this.</summary>
    internal bool DeclaresAny(string prefix) => _names.Any(name => name.StartsWith(prefix, StringComparison.Ordinal));

    internal override int StartCost(CostTable costs, int nesting) =>
        nesting == 0 ? CostTable.Infinite
            : CostTable.Add(costs.Of(JsonNodes.OpenBrace, nesting), CostFrom(costs, Opened, Members.None, nesting - 1));

    internal override int Cost(CostTable costs, Frame frame) =>
        CostFrom(costs, (int)frame.Position, (Members)frame.Detail!, frame.NestingLeft);

    internal override void Begin(Automaton automaton, Frame? parent) =>
        automaton.Begin(JsonNodes.OpenBrace, automaton.Frame(this, Opened, Members.None, parent));

    internal override void Resume(Automaton automaton, Frame frame)
    {
        Members members = (Members)frame.Detail!;
        if (frame.Position != AfterComma && HasRequired(members))
        {
            automaton.Begin(JsonNodes.CloseBrace, frame.Parent);
        }

        if (frame.Position == AfterMember)
        {
            Frame next = automaton.Frame(this, AfterComma, members, frame.Parent);
            if (next.Cost < CostTable.Infinite)
            {
                automaton.Begin(JsonNodes.Comma, next);
            }
        }
        else
        {
            BeginMembers(automaton, members, frame);
        }
    }

    /// <summary>Goes on after the key of a property that is not declared.</summary>
    internal void EndKey(Automaton automaton, Frame key, KeyProgress progress) =>
        automaton.Begin(OtherValue!, automaton.Frame(this, AfterMember, progress.Members.With(progress.Text), key.Parent!.Parent));

    private void BeginMembers(Automaton automaton, Members members, Frame frame)
    {
        for (int index = 0; index < _members.Length; index++)
        {
            if (!members.Has(index))
            {
                automaton.Begin(_members[index], automaton.Frame(this, AfterMember, members.With(index), frame.Parent));
            }
        }

        if (_otherKey is not null)
        {
            _otherKey.Begin(automaton, members, automaton.Frame(this, AfterMember, members, frame.Parent));
        }
    }

    private bool HasRequired(Members members)
    {
        for (int index = 0; index < _members.Length; index++)
        {
            if (_required[index] && !members.Has(index))
            {
                return false;
            }
        }

        return true;
    }

    private int CostFrom(CostTable costs, int position, Members members, int nesting)
    {
        int sum = costs.Of(JsonNodes.CloseBrace, nesting);
        int comma = costs.Of(JsonNodes.Comma, nesting);
        int missing = 0;
        for (int index = 0; index < _members.Length; index++)
        {
            if (_required[index] && !members.Has(index))
            {
                sum = CostTable.Add(sum, costs.Of(_members[index], nesting));
                missing++;
            }
        }

        if (position == AfterComma && missing == 0)
        {
            return CostTable.Add(sum, CheapestMember(costs, members, nesting));
        }

        int commas = position == AfterMember ? missing : Math.Max(0, missing - 1);
        return CostTable.Add(sum, CostTable.Multiply(comma, commas));
    }

    private int CheapestMember(CostTable costs, Members members, int nesting)
    {
        int best = CostTable.Infinite;
        for (int index = 0; index < _members.Length; index++)
        {
            if (!members.Has(index))
            {
                best = Math.Min(best, costs.Of(_members[index], nesting));
            }
        }

        if (OtherValue is not null)
        {
            int key = CostTable.Add(costs.Of(JsonNodes.Quote, nesting), _otherKey!.CostOf(new KeyProgress("", members)));
            best = Math.Min(best, CostTable.Add(key, costs.Of(OtherValue, nesting)));
        }

        return best;
    }
}
