using System.Buffers;
using System.Text;

namespace MambaConnector.Tokenization;

/// <summary>
/// <c>ByteLevel</c>: cuts with GPT-2's pattern (or not) and writes the bytes of each piece in <see cref="ByteAlphabet"/>. The stages
/// behind it see that writing, and so do what looks odd: in Falcon's chain <c>Digits</c> takes the byte 0xBD, written "½", for a number
/// and cuts inside a character.
/// </summary>
/// <param name="addPrefixSpace">A piece that does not begin with a space gets one.</param>
/// <param name="useRegex">Cut with GPT-2's pattern.</param>
/// <param name="mapsBytes">Write bytes here. False for the last stage: the model then does it, once a new word and not once an
/// occurrence.</param>
internal sealed class ByteLevelSplit(bool addPrefixSpace, bool useRegex, bool mapsBytes) : PreTokenizer
{
    private static readonly SplitPattern Gpt2 = new(KnownPatterns.Gpt2);

    public override string Signature => $"ByteLevel(prefix space {addPrefixSpace}, regex {useRegex})";

    /// <summary>The same stage for the last place in the chain, or for another one.</summary>
    public ByteLevelSplit WithMapping(bool mapsHere) => new(addPrefixSpace, useRegex, mapsHere);

    public override void Split(ReadOnlySpan<char> text, bool atStart, PieceSink sink)
    {
        if (addPrefixSpace && text[0] != ' ')
        {
            text = string.Concat(" ", text);
        }

        if (!useRegex)
        {
            Emit(text, atStart, sink);
            return;
        }

        var position = 0;
        while (Gpt2.Find(text, position, out var start, out var end)) // the pattern covers every text: start == position
        {
            Emit(text[start..end], atStart && start == 0, sink);
            position = end;
        }
    }

    private void Emit(ReadOnlySpan<char> piece, bool atStart, PieceSink sink)
    {
        if (!mapsBytes)
        {
            sink.Emit(piece, atStart);
            return;
        }

        var bytes = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(piece.Length));
        var chars = ArrayPool<char>.Shared.Rent(bytes.Length);
        var length = Encoding.UTF8.GetBytes(piece, bytes);
        for (var i = 0; i < length; i++)
        {
            chars[i] = ByteAlphabet.ToChar(bytes[i]);
        }

        sink.Emit(chars.AsSpan(0, length), atStart);
        ArrayPool<char>.Shared.Return(chars);
        ArrayPool<byte>.Shared.Return(bytes);
    }
}
