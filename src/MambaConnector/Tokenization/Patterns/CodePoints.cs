namespace MambaConnector.Tokenization;

/// <summary>Steps over UTF-16 text by code points. The text has no lone surrogates: <see cref="MambaTokenizer"/> replaces them on
/// entry.</summary>
internal static class CodePoints
{
    public const char Replacement = '\uFFFD';

    /// <summary>The code point at <paramref name="index"/>, which moves behind it.</summary>
    public static int Next(ReadOnlySpan<char> text, ref int index)
    {
        var unit = text[index++];
        return char.IsHighSurrogate(unit) && index < text.Length ? char.ConvertToUtf32(unit, text[index++]) : unit;
    }

    /// <summary>The code point that ends before <paramref name="index"/>, which moves in front of it.</summary>
    public static int Previous(ReadOnlySpan<char> text, ref int index)
    {
        var unit = text[--index];
        return char.IsLowSurrogate(unit) && index > 0 ? char.ConvertToUtf32(text[--index], unit) : unit;
    }

    /// <summary>Appends a code point.</summary>
    public static void Append(System.Text.StringBuilder builder, int codePoint)
    {
        if (codePoint < 0x10000)
        {
            builder.Append((char)codePoint);
        }
        else
        {
            builder.Append((char)(0xD800 + ((codePoint - 0x10000) >> 10))).Append((char)(0xDC00 + (codePoint & 0x3FF)));
        }
    }

    /// <summary>Whether a surrogate stands without its partner.</summary>
    public static bool HasLoneSurrogate(ReadOnlySpan<char> text)
    {
        for (var i = text.IndexOfAnyInRange('\uD800', '\uDFFF'); i >= 0 && i < text.Length; i++)
        {
            if (char.IsSurrogate(text[i]) && (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[++i])))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The text with every lone surrogate replaced by U+FFFD, as encoding it to UTF-8 would.</summary>
    public static string ReplaceLoneSurrogates(ReadOnlySpan<char> text) => string.Create(text.Length, text, static (result, source) =>
    {
        for (var i = 0; i < source.Length; i++)
        {
            if (i + 1 < source.Length && char.IsSurrogatePair(source[i], source[i + 1]))
            {
                result[i] = source[i];
                result[i + 1] = source[++i];
            }
            else
            {
                result[i] = char.IsSurrogate(source[i]) ? Replacement : source[i];
            }
        }
    });
}
