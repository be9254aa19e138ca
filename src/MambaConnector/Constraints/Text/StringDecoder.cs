namespace MambaConnector.Constraints;

/// <summary>Reads the inside of a JSON string byte by byte: UTF-8 and escapes. What it remembers of a character that has begun is a
/// number: 0 between characters.</summary>
/// <remarks>Its bits: 0-2 the kind, 3-7 how much of it has been read or is missing, 8-30 its value so far.</remarks>
internal static class StringDecoder
{
    /// <summary>The most ranges that <see cref="Ranges"/> gives.</summary>
    public const int MaximumRanges = 7;

    private const int None = 0;
    private const int Utf8 = 1; // count: bytes behind the first * 4 + bytes missing
    private const int Escape = 2; // behind a backslash
    private const int Unit = 3; // behind \u: count digits
    private const int HighSurrogate = 4; // behind a whole high surrogate, which is the value
    private const int LowEscape = 5; // and a backslash
    private const int LowUnit = 6; // and its u: the value is that of the high one and of count digits

    /// <summary>Whether a character that has begun is written as an escape.</summary>
    public static bool IsEscape(int partial) => (partial & 7) > Utf8;

    /// <summary>Takes a byte in.</summary>
    /// <param name="partial">The character that has begun, before and after.</param>
    /// <param name="value">The byte.</param>
    /// <param name="codePoint">The character that has ended.</param>
    public static StringOutcome Step(ref int partial, byte value, out int codePoint)
    {
        codePoint = 0;
        int count = partial >> 3 & 31;
        int bits = partial >> 8;
        switch (partial & 7)
        {
            case None:
                return First(ref partial, value, out codePoint);

            case Utf8:
                return value is < 0x80 or > 0xBF ? StringOutcome.Dead : ContinueUtf8(ref partial, count - 1, bits << 6 | value & 0x3F, out codePoint);

            case Escape:
                return Escaped(ref partial, value, out codePoint);

            case Unit:
                return Digit(value) is var digit and >= 0
                    ? ContinueUnit(ref partial, count + 1, bits << 4 | digit, out codePoint)
                    : StringOutcome.Dead;

            case HighSurrogate:
                return value == '\\' ? Pend(ref partial, LowEscape, 0, bits) : StringOutcome.Dead;

            case LowEscape:
                return value == 'u' ? Pend(ref partial, LowUnit, 0, bits << 12) : StringOutcome.Dead;

            default:
                return Digit(value) is var low and >= 0 ? ContinueLowUnit(ref partial, count, bits, low, out codePoint) : StringOutcome.Dead;
        }
    }

    /// <summary>What a character that has begun may become.</summary>
    /// <param name="partial">Not 0.</param>
    /// <param name="ranges">Room for <see cref="MaximumRanges"/>; surrogates that lie inside one do not count.</param>
    /// <returns>How many there are.</returns>
    public static int Ranges(int partial, Span<CodePointRange> ranges)
    {
        int count = partial >> 3 & 31;
        int bits = partial >> 8;
        int length = 0;
        switch (partial & 7)
        {
            case Utf8:
                int missing = count & 3;
                int first = Math.Max(bits << 6 * missing, Smallest(count >> 2));
                ranges[length++] = new CodePointRange(first, Math.Min((bits + 1 << 6 * missing) - 1, 0x10FFFF), missing);
                break;

            case Escape:
                ranges[length++] = new CodePointRange('\b', '\n', 1);
                ranges[length++] = new CodePointRange('\f', '\r', 1);
                ranges[length++] = new CodePointRange('"', '"', 1);
                ranges[length++] = new CodePointRange('/', '/', 1);
                ranges[length++] = new CodePointRange('\\', '\\', 1);
                ranges[length++] = new CodePointRange(0, 0xFFFF, 5);
                ranges[length++] = new CodePointRange(0x10000, 0x10FFFF, 11);
                break;

            case Unit:
                int left = 4 - count;
                int low = bits << 4 * left;
                int high = (bits + 1 << 4 * left) - 1;
                ranges[length++] = new CodePointRange(low, high, left);
                if (high >= 0xD800 && low <= 0xDBFF)
                {
                    low = Math.Max(low, 0xD800) - 0xD800;
                    high = Math.Min(high, 0xDBFF) - 0xD800;
                    ranges[length++] = new CodePointRange(0x10000 + (low << 10), 0x10000 + (high << 10) + 0x3FF, left + 6);
                }

                break;

            case HighSurrogate:
                ranges[length++] = Pairs(bits, 0xDC00, 0xDFFF, 6);
                break;

            case LowEscape:
                ranges[length++] = Pairs(bits, 0xDC00, 0xDFFF, 5);
                break;

            default:
                int digits = 4 - count;
                int unit = (bits & 0xFFF) << 4 * digits;
                ranges[length++] = Pairs(
                    bits >> 12, Math.Max(unit, 0xDC00), Math.Min(unit + (1 << 4 * digits) - 1, 0xDFFF), digits);
                break;
        }

        return length;
    }

    private static CodePointRange Pairs(int high, int low, int lowest, int bytes) =>
        new(0x10000 + (high << 10) + low - 0xDC00, 0x10000 + (high << 10) + lowest - 0xDC00, bytes);

    private static StringOutcome First(ref int partial, byte value, out int codePoint)
    {
        codePoint = value;
        return value switch
        {
            < 0x20 => StringOutcome.Dead,
            (byte)'"' => StringOutcome.Quote,
            (byte)'\\' => Pend(ref partial, Escape, 0, 0),
            < 0x80 => StringOutcome.CodePoint,
            < 0xC2 or > 0xF4 => StringOutcome.Dead,
            < 0xE0 => Pend(ref partial, Utf8, 1 << 2 | 1, value & 0x1F),
            < 0xF0 => Pend(ref partial, Utf8, 2 << 2 | 2, value & 0xF),
            _ => Pend(ref partial, Utf8, 3 << 2 | 3, value & 7),
        };
    }

    private static StringOutcome ContinueUtf8(ref int partial, int count, int bits, out int codePoint)
    {
        codePoint = bits;
        int missing = count & 3;
        int first = bits << 6 * missing;
        int last = (bits + 1 << 6 * missing) - 1;
        if (last < Smallest(count >> 2) || first > 0x10FFFF || (first >= 0xD800 && last <= 0xDFFF))
        {
            return StringOutcome.Dead;
        }

        return missing > 0 ? Pend(ref partial, Utf8, count, bits) : End(ref partial);
    }

    private static StringOutcome Escaped(ref int partial, byte value, out int codePoint)
    {
        codePoint = value switch
        {
            (byte)'"' or (byte)'\\' or (byte)'/' => value,
            (byte)'b' => '\b',
            (byte)'f' => '\f',
            (byte)'n' => '\n',
            (byte)'r' => '\r',
            (byte)'t' => '\t',
            _ => -1,
        };
        return value == 'u' ? Pend(ref partial, Unit, 0, 0) : codePoint < 0 ? StringOutcome.Dead : End(ref partial);
    }

    private static StringOutcome ContinueUnit(ref int partial, int count, int bits, out int codePoint)
    {
        codePoint = bits;
        int left = 4 - count;
        int first = bits << 4 * left;
        int last = (bits + 1 << 4 * left) - 1;
        if (first >= 0xDC00 && last <= 0xDFFF)
        {
            return StringOutcome.Dead; // a low surrogate comes second
        }

        return left > 0 ? Pend(ref partial, Unit, count, bits)
            : bits is >= 0xD800 and <= 0xDBFF ? Pend(ref partial, HighSurrogate, 0, bits - 0xD800)
            : End(ref partial);
    }

    private static StringOutcome ContinueLowUnit(ref int partial, int count, int bits, int digit, out int codePoint)
    {
        int left = 3 - count;
        int unit = (bits & 0xFFF) << 4 | digit;
        int high = bits >> 12;
        codePoint = 0x10000 + (high << 10) + unit - 0xDC00;
        if (unit << 4 * left > 0xDFFF || (unit + 1 << 4 * left) - 1 < 0xDC00)
        {
            return StringOutcome.Dead;
        }

        return left > 0 ? Pend(ref partial, LowUnit, count + 1, high << 12 | unit) : End(ref partial);
    }

    private static StringOutcome Pend(ref int partial, int kind, int count, int bits)
    {
        partial = kind | count << 3 | bits << 8;
        return StringOutcome.Pending;
    }

    private static StringOutcome End(ref int partial)
    {
        partial = None;
        return StringOutcome.CodePoint;
    }

    // Of characters with so many bytes behind the first.
    private static int Smallest(int bytes) => bytes switch
    {
        1 => 0x80,
        2 => 0x800,
        _ => 0x10000,
    };

    private static int Digit(byte value) => value switch
    {
        >= (byte)'0' and <= (byte)'9' => value - '0',
        >= (byte)'a' and <= (byte)'f' => value - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => value - 'A' + 10,
        _ => -1,
    };
}
