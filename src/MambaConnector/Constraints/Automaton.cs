using System.Runtime.InteropServices;

namespace MambaConnector.Constraints;

/// <summary>Follows a grammar through a text, byte by byte or token by token: a pushdown automaton with many stacks at once, made
/// deterministic as it goes. One generation's own; not thread-safe.</summary>
/// <remarks>Only what can be completed is ever followed: a state that is not dead has a way to the end. Alternatives that read alike double the
/// stacks with each level of nesting; of many that stand at the same place of the grammar, the cheapest to complete are followed.</remarks>
internal sealed class Automaton
{
    /// <summary>How many objects and arrays may stand inside each other: below the 64 that System.Text.Json reads by default.</summary>
    public const int MaximumNesting = 60;

    // How many frames a state has before some are left out, and how many of one place stay then.
    private const int ManyFrames = 256;
    private const int MaximumWays = 32;

    private readonly CostTable _costs;
    private readonly Dictionary<FrameKey, Frame> _frames = [];
    private readonly Dictionary<Frame[], AutomatonState> _states = new(FrameSetComparer.Instance);
    private readonly Dictionary<Frame[], AutomatonState> _acceptingStates = new(FrameSetComparer.Instance);

    // The state that is being put together.
    private readonly List<Frame> _waiting = [];
    private readonly HashSet<Frame> _seen = [];
    private bool _accepting;
    private int _nextId;

    /// <param name="root">The grammar.</param>
    /// <param name="costs">Its costs.</param>
    public Automaton(Grammar root, CostTable costs)
    {
        _costs = costs;
        Begin(root, null);
        Start = Take();
    }

    /// <summary>Before the first byte.</summary>
    public AutomatonState Start { get; }

    /// <summary>How many states are held.</summary>
    public int StateCount => _states.Count + _acceptingStates.Count;

    /// <summary>The state after a byte.</summary>
    public AutomatonState Step(AutomatonState state, byte value)
    {
        state.Next ??= new AutomatonState?[256];
        AutomatonState? next = state.Next[value];
        if (next is null)
        {
            foreach (Frame frame in state.Frames)
            {
                frame.Node.Step(this, frame, value);
            }

            next = Take();
            state.Next[value] = next;
        }

        return next;
    }

    /// <summary>The state after bytes.</summary>
    public AutomatonState Step(AutomatonState state, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            if (state.IsDead)
            {
                break;
            }

            state = Step(state, value);
        }

        return state;
    }

    /// <summary>The state after a token: what its bytes lead to, and what asks for the token itself.</summary>
    /// <param name="state">The state before.</param>
    /// <param name="token">The token.</param>
    /// <param name="bytes">What it spells; empty for one that is no text.</param>
    public AutomatonState StepToken(AutomatonState state, int token, ReadOnlySpan<byte> bytes)
    {
        AutomatonState? spelled = bytes.IsEmpty ? null : Step(state, bytes);
        bool isNamed = false;
        foreach (Frame frame in state.Frames)
        {
            if (frame.Node is TokenNode node && node.Id == token)
            {
                isNamed = true;
                Return(frame.Parent);
            }
        }

        if (!isNamed)
        {
            return spelled ?? Take();
        }

        _accepting |= spelled is { IsAccepting: true };
        foreach (Frame frame in spelled?.Frames ?? [])
        {
            Await(frame);
        }

        return Take();
    }

    /// <summary>The state where the node of a frame has just ended.</summary>
    public AutomatonState AfterEnd(LocalNode node, Frame frame)
    {
        node.Close(this, frame);
        return Take();
    }

    /// <summary>The state of some of a state's frames.</summary>
    public AutomatonState Only(List<Frame> frames)
    {
        frames.ForEach(Await);
        return Take();
    }

    /// <summary>This automaton's state for that of another automaton of the same grammar.</summary>
    public AutomatonState Adopt(AutomatonState state)
    {
        _accepting = state.IsAccepting;
        foreach (Frame frame in state.Frames)
        {
            Await(Adopt(frame));
        }

        return Take();
    }

    /// <summary>For nodes: a frame to come back to.</summary>
    public Frame Frame(Grammar node, long position, object? detail, Frame? parent)
    {
        ref Frame? frame = ref CollectionsMarshal.GetValueRefOrAddDefault(_frames, new FrameKey(node, position, detail, parent), out _);
        return frame ??= new Frame(_nextId++, node, position, detail, parent, _costs);
    }

    /// <summary>For nodes: begins a node, unless no text fits it here.</summary>
    public void Begin(Grammar node, Frame? parent)
    {
        if (_costs.Of(node, parent?.NestingLeft ?? MaximumNesting) < CostTable.Infinite)
        {
            node.Begin(this, parent);
        }
    }

    /// <summary>For nodes: goes on after the end of one.</summary>
    public void Return(Frame? parent)
    {
        if (parent is null)
        {
            _accepting = true;
        }
        else if (_seen.Add(parent))
        {
            parent.Node.Resume(this, parent);
        }
    }

    /// <summary>For nodes: waits for a byte or a token.</summary>
    public void Await(Grammar node, long position, object? detail, Frame? parent) => Await(Frame(node, position, detail, parent));

    private Frame Adopt(Frame frame) => Frame(frame.Node, frame.Position, frame.Detail, frame.Parent is null ? null : Adopt(frame.Parent));

    private void Await(Frame frame)
    {
        if (_seen.Add(frame))
        {
            _waiting.Add(frame);
        }
    }

    // What stays has the cost of the whole, so a budget that was kept is kept.
    private void LeaveOut()
    {
        Dictionary<(Grammar Node, long Position), int> ways = [];
        _waiting.Sort(static (left, right) => left.Cost != right.Cost ? left.Cost.CompareTo(right.Cost) : left.Id.CompareTo(right.Id));
        _waiting.RemoveAll(frame =>
            ++CollectionsMarshal.GetValueRefOrAddDefault(ways, (frame.Node, frame.Position), out _) > MaximumWays);
    }

    private AutomatonState Take()
    {
        if (_waiting.Count > ManyFrames)
        {
            LeaveOut();
        }

        _waiting.Sort(static (left, right) => left.Id.CompareTo(right.Id));
        Dictionary<Frame[], AutomatonState> states = _accepting ? _acceptingStates : _states;
        Dictionary<Frame[], AutomatonState>.AlternateLookup<ReadOnlySpan<Frame>> lookup = states.GetAlternateLookup<ReadOnlySpan<Frame>>();
        ReadOnlySpan<Frame> waiting = CollectionsMarshal.AsSpan(_waiting);
        if (!lookup.TryGetValue(waiting, out AutomatonState? state))
        {
            Frame[] frames = [.. waiting];
            state = new AutomatonState(frames, _accepting);
            states.Add(frames, state);
        }

        _waiting.Clear();
        _seen.Clear();
        _accepting = false;
        return state;
    }
}
