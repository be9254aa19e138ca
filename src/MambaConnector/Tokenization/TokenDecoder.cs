using System.Text.Unicode;
using MambaConnector.Tokenization;

namespace MambaConnector;

/// <summary>
/// Decodes tokens as they come. What it returns, joined, is exactly what <see cref="MambaTokenizer.Decode"/> makes of all ids at once:
/// never half a character, no waiting on bytes that can no longer become one. For one stream and one thread at a time.
/// </summary>
public sealed class TokenDecoder
{
    private const int StackLength = 256;

    private readonly MambaTokenizer _tokenizer;
    private readonly LeadingSpace _leadingSpace;
    private readonly bool _skipSpecial;
    private readonly IReadOnlySet<int>? _shown;
    private readonly byte[] _pending = new byte[3]; // the beginning of a character that is not whole yet
    private int _pendingCount;
    private bool _atStart = true;

    internal TokenDecoder(MambaTokenizer tokenizer, LeadingSpace leadingSpace, bool skipSpecial, IReadOnlySet<int>? shown = null)
    {
        _tokenizer = tokenizer;
        _leadingSpace = leadingSpace;
        _skipSpecial = skipSpecial;
        _shown = shown;
    }

    /// <summary>Takes the next token.</summary>
    /// <param name="id">Its id.</param>
    /// <returns>The text that is now complete; often empty in the middle of a character.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The id is not in the vocabulary; the decoder is as before.</exception>
    public string Append(int id)
    {
        var bytes = _tokenizer.GetBytes(id);
        if (_skipSpecial && _tokenizer.IsSpecial(id) && _shown?.Contains(id) != true)
        {
            return "";
        }

        if (_atStart && _leadingSpace != LeadingSpace.Keep)
        {
            bytes = _leadingSpace == LeadingSpace.DropInFirstToken ? bytes.TrimStart((byte)' ')
                : bytes.StartsWith(" "u8) ? bytes[1..]
                : bytes;
            _atStart = _leadingSpace == LeadingSpace.DropOne && _tokenizer.GetBytes(id).IsEmpty;
        }

        // Most tokens are whole characters, and their text is known: nothing is decoded or allocated.
        if (_pendingCount == 0 && bytes.Length == _tokenizer.GetBytes(id).Length && _tokenizer.GetWholeText(id) is string whole)
        {
            return whole;
        }

        return Decode(bytes, flush: false);
    }

    /// <summary>Ends the stream: an unfinished character becomes U+FFFD. The decoder is then as new.</summary>
    /// <returns>What was still held back.</returns>
    public string Flush()
    {
        var rest = Decode([], flush: true);
        Reset();
        return rest;
    }

    /// <summary>Forgets everything held back; the decoder is as new.</summary>
    public void Reset()
    {
        _pendingCount = 0;
        _atStart = true;
    }

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        if (bytes.IsEmpty && !flush)
        {
            return "";
        }

        int length = _pendingCount + bytes.Length;
        Span<byte> input = length <= StackLength ? stackalloc byte[StackLength] : new byte[length];
        input = input[..length];
        _pending.AsSpan(0, _pendingCount).CopyTo(input);
        bytes.CopyTo(input[_pendingCount..]);

        // UTF-16 never has more units than UTF-8 has bytes, nor more U+FFFD than there are bytes to stand for.
        Span<char> text = length <= StackLength ? stackalloc char[StackLength] : new char[length];
        Utf8.ToUtf16(input, text, out int read, out int written, replaceInvalidSequences: true, isFinalBlock: flush);
        input[read..].CopyTo(_pending);
        _pendingCount = length - read;
        return _tokenizer.Intern(text[..written]);
    }
}
