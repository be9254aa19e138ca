using System.Numerics.Tensors;
using MambaConnector.Generation;

namespace MambaConnector.Constraints;

/// <summary>Holds a generation to a grammar, and to a number of tokens: whatever the model prefers, its text fits the grammar and is
/// complete when the budget ends.</summary>
internal sealed class JsonConstraint : ITokenConstraint
{
    // How many tokens of one step may be refused before the way to the end is prescribed.
    private const int MaximumRefusals = 4;

    // Beyond these, an automaton begins anew: what it knows costs memory.
    private const int MaximumStates = 2048;
    private const int MaximumMasks = 128;

    private readonly Grammar _grammar;
    private readonly Vocabulary _vocabulary;
    private readonly CostTable _costs;
    private readonly HashSet<int> _stopTokens;
    private readonly uint[] _mask;
    private readonly AutomatonState[] _path;
    private Automaton _automaton;
    private AutomatonState _state;
    private int _masks;
    private int _refusals;
    private bool _isMasked;
    private bool _isStopped;

    private JsonConstraint(Grammar grammar, Vocabulary vocabulary, IReadOnlyCollection<int> stopTokens)
    {
        _grammar = grammar;
        _vocabulary = vocabulary;
        _costs = new CostTable(grammar, vocabulary);
        _stopTokens = [.. stopTokens.Where(token => token >= 0 && token < vocabulary.Size)];
        _mask = new uint[(vocabulary.Size + 31) / 32];
        _path = new AutomatonState[vocabulary.MaximumDepth + 1];
        _automaton = new Automaton(grammar, _costs);
        _state = _automaton.Start;
    }

    /// <summary>The fewest tokens that are certain to be enough for a whole text.</summary>
    public int MinimumTokens => _costs.Of(_grammar, Automaton.MaximumNesting);

    /// <inheritdoc/>
    /// <remarks>Without stop tokens, a text that could go on ends as soon as it may.</remarks>
    public bool IsComplete => _isStopped || (_state.IsAccepting && (_state.Frames.Length == 0 || _stopTokens.Count == 0));

    /// <inheritdoc/>
    /// <remarks>Tokens beyond the end of the span are not allowed.</remarks>
    public ReadOnlySpan<uint> Mask
    {
        get
        {
            if (!_isMasked)
            {
                MaskOf(_state).CopyTo(_mask, 0);
                _isMasked = true;
            }

            return _mask;
        }
    }

    /// <summary>Begins a text.</summary>
    /// <param name="grammar">What it must be.</param>
    /// <param name="tokenizer">The tokens it is made of.</param>
    /// <param name="stopTokens">Those that end a generation: allowed where the text may end, and nowhere else.</param>
    /// <exception cref="ArgumentException">No text fits the grammar, or the tokenizer cannot spell one.</exception>
    public static JsonConstraint Create(Grammar grammar, MambaTokenizer tokenizer, IReadOnlyCollection<int> stopTokens)
    {
        JsonConstraint constraint = new(grammar, Vocabulary.Of(tokenizer, stopTokens), stopTokens);
        return constraint.MinimumTokens < CostTable.Infinite
            ? constraint
            : throw new ArgumentException(
                "No reply fits what is asked for: the format excludes every value, or the model's vocabulary cannot spell it.", nameof(grammar));
    }

    /// <inheritdoc/>
    public bool TryAccept(int token, int tokensLeft)
    {
        if (_state.IsAccepting && _stopTokens.Contains(token))
        {
            _isStopped = true;
            return true;
        }

        AutomatonState next = _automaton.StepToken(_state, token, _vocabulary.GetBytes(token));
        if (next.Cost > tokensLeft || next.Cost >= CostTable.Infinite)
        {
            Refuse(token);
            return false;
        }

        _state = next;
        _isMasked = false;
        _refusals = 0;
        if (_automaton.StateCount > MaximumStates || _masks > MaximumMasks)
        {
            _automaton = new Automaton(_grammar, _costs);
            _state = _automaton.Adopt(_state);
            _masks = 0;
        }

        return true;
    }

    private void Refuse(int token)
    {
        _ = Mask;
        if (++_refusals >= MaximumRefusals)
        {
            _mask.AsSpan().Clear();
            if (_state.IsAccepting)
            {
                AddStopTokens(_mask);
            }
            else
            {
                int planned = Planned();
                _mask[planned >> 5] |= 1u << planned;
            }
        }
        else if ((uint)token < (uint)_vocabulary.Size)
        {
            _mask[token >> 5] &= ~(1u << token);
        }
    }

    /// <summary>The next token on the cheapest way to the end.</summary>
    private int Planned()
    {
        Frame cheapest = _state.Frames.MinBy(frame => frame.Cost)!;
        int token = cheapest.Node.PreferredToken(_costs, cheapest);
        for (int value = 0; token < 0 && value < 256; value++)
        {
            int candidate = _vocabulary.ByteToken((byte)value);
            if (candidate >= 0 && _automaton.Step(_state, (byte)value).Cost < _state.Cost)
            {
                token = candidate;
            }
        }

        return token >= 0 ? token : throw new InvalidOperationException("A text that could be completed cannot be: the costs of its grammar are wrong.");
    }

    private uint[] MaskOf(AutomatonState state)
    {
        if (state.Mask is { } known)
        {
            return known;
        }

        uint[] mask = new uint[_mask.Length];
        List<Frame> others = [];
        foreach (Frame frame in state.Frames)
        {
            switch (frame.Node)
            {
                case LocalNode local:
                    AddLocal(local, frame, mask);
                    break;

                case TokenNode token when (uint)token.Id < (uint)_vocabulary.Size:
                    mask[token.Id >> 5] |= 1u << token.Id;
                    break;

                default:
                    others.Add(frame);
                    break;
            }
        }

        if (others.Count > 0)
        {
            _vocabulary.Walk(_automaton, others.Count == state.Frames.Length ? state : _automaton.Only(others), 0, _path, mask);
        }

        if (state.IsAccepting)
        {
            AddStopTokens(mask);
        }

        _masks++;
        return state.Mask = mask;
    }

    private void AddLocal(LocalNode node, Frame frame, uint[] mask)
    {
        LocalMask local = _vocabulary.LocalMaskOf(node, frame.Position);
        TensorPrimitives.BitwiseOr<uint>(mask, local.Tokens, mask);
        if (local.Exits.Length == 0)
        {
            return;
        }

        AutomatonState after = _automaton.AfterEnd(node, frame);
        bool mayRefuse = node.MayRefuseEnd(frame);
        foreach (int exit in local.Exits)
        {
            if (!mayRefuse || !node.RefusesEnd(frame, _vocabulary.BytesOf(exit)))
            {
                _vocabulary.AddTokensAt(exit, mask);
                _vocabulary.Walk(_automaton, after, exit, _path, mask);
            }
        }
    }

    private void AddStopTokens(uint[] mask)
    {
        foreach (int token in _stopTokens)
        {
            mask[token >> 5] |= 1u << token;
        }
    }
}
