using System.Buffers;
using System.Text;

namespace MambaConnector.Tokenization;

/// <summary>Byte pair encoding of one piece (Sennrich et al. 2016), with the details of Hugging Face's <c>BPE</c>. Safe to use from
/// several threads.</summary>
internal sealed class BpeModel
{
    private const int LowSymbols = 0x180; // code points looked up in an array: ASCII and the whole byte alphabet

    private readonly BpeOptions _options;
    private readonly MergeMap _merges;
    private readonly WordCache _cache = new();
    private readonly int[] _lowSymbols = new int[LowSymbols];
    private readonly int[] _codePoints; // of the symbols that are no tokens
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>>? _wholePieces;

    public BpeModel(BpeOptions options)
    {
        _options = options;
        _merges = new MergeMap(options.Merges);
        for (var c = 0; c < LowSymbols; c++)
        {
            _lowSymbols[c] = options.Symbols.TryGetValue(c, out var symbol) ? symbol : -1;
        }

        var bare = options.Symbols.Where(pair => pair.Value >= options.VocabularySize).OrderBy(pair => pair.Value);
        _codePoints = bare.Select(pair => pair.Key).ToArray();
        _wholePieces = options.WholePieces?.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Whether pieces come as text and are written as bytes here.</summary>
    public bool MapsBytes => _options.MapsBytes;

    /// <summary>Appends the tokens of one piece.</summary>
    public void Encode(ReadOnlySpan<char> piece, List<int> output, BpeWorkspace workspace)
    {
        if (piece.Length > WordCache.MaximumLength)
        {
            Merge(piece, output, workspace);
            return;
        }

        var hash = WordCache.Hash(piece);
        if (_cache.TryGet(piece, hash, out var known))
        {
            output.AddRange(known);
            return;
        }

        var start = output.Count;
        Merge(piece, output, workspace);
        _cache.Set(piece, hash, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(output)[start..]);
    }

    private void Merge(ReadOnlySpan<char> piece, List<int> output, BpeWorkspace workspace)
    {
        if (!_options.MapsBytes)
        {
            MergeSymbols(piece, output, workspace);
            return;
        }

        var bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(piece.Length));
        var written = ArrayPool<char>.Shared.Rent(bytes.Length);
        var length = Encoding.UTF8.GetBytes(piece, bytes);
        for (var i = 0; i < length; i++)
        {
            written[i] = ByteAlphabet.ToChar(bytes[i]);
        }

        MergeSymbols(written.AsSpan(0, length), output, workspace);
        ArrayPool<char>.Shared.Return(written);
        ArrayPool<byte>.Shared.Return(bytes);
    }

    private void MergeSymbols(ReadOnlySpan<char> piece, List<int> output, BpeWorkspace workspace)
    {
        if (_wholePieces is { } whole && whole.TryGetValue(piece, out var id))
        {
            output.Add(id);
            return;
        }

        workspace.Clear();
        Span<int> spelling = stackalloc int[4];
        var unknownBefore = false;
        for (var i = 0; i < piece.Length;)
        {
            var codePoint = CodePoints.Next(piece, ref i);
            var symbol = codePoint < LowSymbols ? _lowSymbols[codePoint]
                : _options.Symbols.TryGetValue(codePoint, out var found) ? found
                : -1;
            if (symbol >= 0)
            {
                workspace.Add(symbol);
                unknownBefore = false;
            }
            else
            {
                foreach (var token in Spell(codePoint, spelling, ref unknownBefore))
                {
                    workspace.Add(token);
                }
            }
        }

        workspace.MergeAll(_merges);
        unknownBefore = false;
        for (var i = workspace.Next(-1, out var symbol); i >= 0; i = workspace.Next(i, out symbol))
        {
            if (symbol < _options.VocabularySize)
            {
                output.Add(symbol);
                unknownBefore = false;
            }
            else
            {
                output.AddRange(Spell(_codePoints[symbol - _options.VocabularySize], spelling, ref unknownBefore));
            }
        }
    }

    // The tokens of a character that is none: those of its bytes, else the unknown token, else none. They lie in `spelling`, of 4.
    private ReadOnlySpan<int> Spell(int codePoint, Span<int> spelling, ref bool unknownBefore)
    {
        Span<byte> bytes = stackalloc byte[4];
        bytes = bytes[..new Rune(codePoint).EncodeToUtf8(bytes)];
        if (_options.ByteTokens is { } tokens)
        {
            for (var i = 0; i < bytes.Length; i++)
            {
                spelling[i] = tokens[bytes[i]];
            }

            if (spelling[..bytes.Length].IndexOf(-1) < 0)
            {
                unknownBefore = false;
                return spelling[..bytes.Length];
            }
        }

        if (_options.UnknownId is not { } unknown)
        {
            unknownBefore = false;
            return [];
        }

        var isFused = unknownBefore && _options.FuseUnknown;
        unknownBefore = true;
        spelling[0] = unknown;
        return isFused ? [] : spelling[..1];
    }
}
