using System.Text;
using MambaConnector.Tokenization;

namespace MambaConnector;

/// <summary>
/// Decodes tokens as they come. What it returns, joined, is exactly what <see cref="MambaTokenizer.Decode"/> makes of all ids at once:
/// never half a character, no waiting on bytes that can no longer become one. For one stream and one thread at a time.
/// </summary>
public sealed class TokenDecoder
{
    private readonly MambaTokenizer _tokenizer;
    private readonly LeadingSpace _leadingSpace;
    private readonly bool _skipSpecial;
    private readonly IReadOnlySet<int>? _shown;
    private readonly Decoder _utf8 = Encoding.UTF8.GetDecoder();
    private bool _atStart = true;
    private bool _isInsideCharacter;

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
        if (!_isInsideCharacter && bytes.Length == _tokenizer.GetBytes(id).Length && _tokenizer.GetWholeText(id) is string whole)
        {
            return whole;
        }

        string text = Decode(bytes, flush: false);
        _isInsideCharacter = _utf8.GetCharCount([], flush: true) > 0;
        return text;
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
        _utf8.Reset();
        _atStart = true;
        _isInsideCharacter = false;
    }

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        if (bytes.IsEmpty && !flush)
        {
            return "";
        }

        // A token has a few characters; four may be pending from before.
        var capacity = Encoding.UTF8.GetMaxCharCount(bytes.Length + 4);
        Span<char> chars = capacity <= 256 ? stackalloc char[256] : new char[capacity];
        return chars[.._utf8.GetChars(bytes, chars, flush)].ToString();
    }
}
