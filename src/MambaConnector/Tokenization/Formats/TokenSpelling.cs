using System.Globalization;
using System.Text;

namespace MambaConnector.Tokenization;

/// <summary>How spellings turn back into text: the <c>decoder</c> of a tokenizer.json.</summary>
/// <param name="ByteLevel">Spellings are bytes written in <see cref="ByteAlphabet"/>.</param>
/// <param name="Replacements">Texts replaced in each spelling, in order.</param>
/// <param name="ByteFallback">Byte tokens stand for their byte.</param>
/// <param name="LeadingSpace">What is dropped at the start.</param>
internal sealed record TokenSpelling(
    bool ByteLevel, IReadOnlyList<(string From, string To)> Replacements, bool ByteFallback, LeadingSpace LeadingSpace)
{
    /// <summary>The bytes of a token.</summary>
    public byte[] BytesOf(string token, TokenKind kind)
    {
        if (kind == TokenKind.Unused)
        {
            return [];
        }

        if (kind == TokenKind.Byte && ByteFallback)
        {
            return [byte.Parse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)];
        }

        if (ByteLevel && kind == TokenKind.Normal)
        {
            return ByteAlphabet.Decode(token);
        }

        var spelled = Replacements.Aggregate(token, (text, pair) => text.Replace(pair.From, pair.To, StringComparison.Ordinal));
        return Encoding.UTF8.GetBytes(spelled);
    }
}
