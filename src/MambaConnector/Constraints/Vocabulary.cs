using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace MambaConnector.Constraints;

/// <summary>The tokens of a tokenizer as a trie over their bytes, in one array in depth-first order: a walk over all of them goes straight
/// through memory. Immutable but for its cache of masks; safe to use from several threads.</summary>
/// <remarks>Control tokens and unused rows are not in it. Node 0 is the root.</remarks>
internal sealed class Vocabulary
{
    private const int MaximumLocalMasks = 512;
    private const int MaximumFiller = 16;

    private static readonly ConditionalWeakTable<MambaTokenizer, Vocabulary> Cache = [];

    private readonly MambaTokenizer _tokenizer;
    private readonly byte[] _labels;
    private readonly ushort[] _depths;
    private readonly int[] _ends; // where a node's descendants end
    private readonly int[] _tokens; // the token that ends at a node, or -1
    private readonly int[] _twins; // by token: the next one of the same bytes, or -1
    private readonly int[] _byteTokens = new int[256];
    private readonly int[] _fillers;
    private readonly ConcurrentDictionary<LocalMaskKey, LocalMask> _localMasks = [];

    private Vocabulary(MambaTokenizer tokenizer, IReadOnlyCollection<int> left)
    {
        _tokenizer = tokenizer;
        Size = tokenizer.VocabularySize;
        int[] ids = [.. Enumerable.Range(0, Size).Where(id => !tokenizer.GetBytes(id).IsEmpty && !tokenizer.IsSpecial(id) && !left.Contains(id))];
        Array.Sort(ids, (x, y) => tokenizer.GetBytes(x).SequenceCompareTo(tokenizer.GetBytes(y)) is var order and not 0 ? order : x.CompareTo(y));

        List<byte> labels = [0];
        List<ushort> depths = [0];
        List<int> ends = [0];
        List<int> tokens = [-1];
        List<int> path = [0];
        _twins = new int[Size];
        Array.Fill(_twins, -1);
        int last = -1;
        foreach (int id in ids)
        {
            ReadOnlySpan<byte> bytes = tokenizer.GetBytes(id);
            int shared = last < 0 ? 0 : bytes.CommonPrefixLength(tokenizer.GetBytes(last));
            if (last >= 0 && shared == bytes.Length)
            {
                _twins[last] = id;
                last = id;
                continue;
            }

            Close(shared);
            for (int depth = shared; depth < bytes.Length; depth++)
            {
                path.Add(labels.Count);
                labels.Add(bytes[depth]);
                depths.Add((ushort)(depth + 1));
                ends.Add(0);
                tokens.Add(-1);
            }

            tokens[^1] = id;
            last = id;
        }

        Close(-1);
        (_labels, _depths, _ends, _tokens) = ([.. labels], [.. depths], [.. ends], [.. tokens]);
        MaximumDepth = _depths.Max();

        Array.Fill(_byteTokens, -1);
        for (int value = 0; value < 256; value++)
        {
            int node = Child(0, (byte)value);
            _byteTokens[value] = node < 0 ? -1 : _tokens[node];
        }

        SpellsUtf8 = !_byteTokens.AsSpan(0x80, 0x40).Contains(-1);
        _fillers = FindFillers(ids);

        void Close(int depth)
        {
            while (path.Count > depth + 1)
            {
                ends[path[^1]] = labels.Count;
                path.RemoveAt(path.Count - 1);
            }
        }
    }

    /// <summary>How many ids there are, control tokens and unused rows included.</summary>
    public int Size { get; }

    /// <summary>The most bytes a token has.</summary>
    public int MaximumDepth { get; }

    /// <summary>Whether each byte that can continue a character is a token.</summary>
    public bool SpellsUtf8 { get; }

    /// <summary>How many characters of plain ASCII one token can fill a string with; every smaller number can be had, too.</summary>
    public int LongestFiller => _fillers.Length - 1;

    /// <summary>The vocabulary of a tokenizer.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="left">Tokens to leave out, though they are text: those that end a generation.</param>
    /// <exception cref="ArgumentException">The tokenizer has no token for some byte of printable ASCII: it could not spell JSON.</exception>
    public static Vocabulary Of(MambaTokenizer tokenizer, IReadOnlyCollection<int> left)
    {
        int[] text = [.. left.Where(id => id >= 0 && id < tokenizer.VocabularySize && !tokenizer.IsSpecial(id) && !tokenizer.GetBytes(id).IsEmpty)];
        Vocabulary vocabulary = text.Length == 0
            ? Cache.GetValue(tokenizer, static tokenizer => new Vocabulary(tokenizer, []))
            : new Vocabulary(tokenizer, text);
        int missing = vocabulary._byteTokens.AsSpan(' ', '~' - ' ' + 1).IndexOf(-1);
        return missing < 0
            ? vocabulary
            : throw new ArgumentException(
                $"The tokenizer has no token of its own for '{(char)(' ' + missing)}': replies cannot be held to a format with it.", nameof(tokenizer));
    }

    /// <summary>The token of one byte, or -1.</summary>
    public int ByteToken(byte value) => _byteTokens[value];

    /// <summary>A token of this many characters of plain ASCII.</summary>
    public int Filler(int length) => _fillers[length];

    /// <summary>What a token spells; empty for control tokens and what is left out.</summary>
    public ReadOnlySpan<byte> GetBytes(int token) =>
        (uint)token < (uint)Size && !_tokenizer.IsSpecial(token) ? _tokenizer.GetBytes(token) : [];

    /// <summary>The child of a node by a byte, or -1.</summary>
    public int Child(int node, byte value)
    {
        for (int child = node + 1; child < End(node); child = _ends[child])
        {
            if (_labels[child] == value)
            {
                return child;
            }
        }

        return -1;
    }

    /// <summary>A token that ends at a node, or -1.</summary>
    public int TokenAt(int node) => _tokens[node];

    /// <summary>The bytes from the root to a node.</summary>
    public ReadOnlySpan<byte> BytesOf(int node)
    {
        int depth = _depths[node];
        while (_tokens[node] < 0)
        {
            node++; // the first token below it begins with its bytes
        }

        return _tokenizer.GetBytes(_tokens[node])[..depth];
    }

    /// <summary>Adds to a mask the tokens below a node that a state allows.</summary>
    /// <param name="automaton">The automaton.</param>
    /// <param name="state">Its state at the node.</param>
    /// <param name="root">The node.</param>
    /// <param name="states">Room for a state at each depth.</param>
    /// <param name="mask">The mask.</param>
    public void Walk(Automaton automaton, AutomatonState state, int root, Span<AutomatonState> states, Span<uint> mask)
    {
        states[_depths[root]] = state;
        int node = root + 1;
        int end = End(root);
        while (node < end)
        {
            int depth = _depths[node];
            AutomatonState next = automaton.Step(states[depth - 1], _labels[node]);
            if (next.IsDead)
            {
                node = _ends[node];
                continue;
            }

            states[depth] = next;
            AddTokensAt(node, mask);
            node++;
        }
    }

    /// <summary>Adds to a mask the tokens that end at a node.</summary>
    public void AddTokensAt(int node, Span<uint> mask)
    {
        for (int token = _tokens[node]; token >= 0; token = _twins[token])
        {
            mask[token >> 5] |= 1u << token;
        }
    }

    /// <summary>What may come next inside a node, and where it may end.</summary>
    public LocalMask LocalMaskOf(LocalNode node, long position)
    {
        LocalMaskKey key = node.KeyOf(position, MaximumDepth);
        if (!_localMasks.TryGetValue(key, out LocalMask? mask))
        {
            if (_localMasks.Count >= MaximumLocalMasks)
            {
                _localMasks.Clear();
            }

            mask = _localMasks.GetOrAdd(key, CreateLocalMask(node, position));
        }

        return mask;
    }

    private int End(int node) => node == 0 ? _labels.Length : _ends[node];

    private LocalMask CreateLocalMask(LocalNode inside, long position)
    {
        uint[] mask = new uint[(Size + 31) / 32];
        List<int> exits = [];
        long[] positions = new long[MaximumDepth + 1];
        positions[0] = position;
        int node = 1;
        while (node < _labels.Length)
        {
            int depth = _depths[node];
            long next = inside.StepInside(positions[depth - 1], _labels[node], out bool mayEnd);
            if (mayEnd)
            {
                exits.Add(node);
            }

            if (next == LocalNode.Dead)
            {
                node = _ends[node];
                continue;
            }

            positions[depth] = next;
            AddTokensAt(node, mask);
            node++;
        }

        return new LocalMask(mask, [.. exits]);
    }

    // By length: a token of small letters only. Up to the first length that has none.
    private int[] FindFillers(int[] ids)
    {
        int[] fillers = new int[MaximumFiller + 1];
        Array.Fill(fillers, -1);
        foreach (int id in ids)
        {
            ReadOnlySpan<byte> bytes = _tokenizer.GetBytes(id);
            if (bytes.Length <= MaximumFiller && fillers[bytes.Length] < 0 && !bytes.ContainsAnyExceptInRange((byte)'a', (byte)'z'))
            {
                fillers[bytes.Length] = id;
            }
        }

        int missing = fillers.AsSpan(1).IndexOf(-1);
        return missing < 0 ? fillers : fillers[..(missing + 1)];
    }
}
