using System.Buffers;
using System.Text;

namespace MambaConnector.Documents.Reading;

/// <summary>Decodes bytes that come in pieces of any size: UTF-8, or UTF-16 after its byte order mark. Malformed sequences become U+FFFD. NULs and
/// the other control characters that are no white space are dropped, and so are byte order marks and soft hyphens.</summary>
/// <remarks>The framework's decoders do the same, but do not tell where a character came from.</remarks>
internal sealed class SourceDecoder
{
    // A mark's or a character's beginning, until the rest of it comes.
    private readonly byte[] _held = new byte[4];
    private int _heldCount;
    private long _position;
    private Encoding? _encoding;
    private char _high;

    private enum Encoding
    {
        Utf8,
        Utf16,
        Utf16BigEndian,
    }

    /// <param name="bytes">What comes next.</param>
    /// <param name="isLast">Whether nothing comes behind it.</param>
    /// <param name="output">Receives the characters.</param>
    public void Decode(ReadOnlySpan<byte> bytes, bool isLast, SourceText output)
    {
        while (_heldCount > 0 && !bytes.IsEmpty)
        {
            _held[_heldCount++] = bytes[0];
            bytes = bytes[1..];
            int used = DecodePart(_held.AsSpan(0, _heldCount), false, output);
            _held.AsSpan(used, _heldCount - used).CopyTo(_held);
            _heldCount -= used;
        }

        int taken = DecodePart(bytes, false, output);
        bytes = bytes[taken..];
        if (!bytes.IsEmpty)
        {
            bytes.CopyTo(_held);
            _heldCount = bytes.Length;
        }

        if (isLast)
        {
            DecodePart(_held.AsSpan(0, _heldCount), true, output);
            _heldCount = 0;
            FlushHigh(output);
        }
    }

    /// <returns>How many bytes were taken: all but the beginning of a character, of at most three bytes.</returns>
    private int DecodePart(ReadOnlySpan<byte> bytes, bool isLast, SourceText output)
    {
        int taken = 0;
        if (_encoding is null)
        {
            if (bytes.Length < 3 && !isLast && IsPartOfMark(bytes))
            {
                return 0;
            }

            (_encoding, taken) = Recognize(bytes);
            _position += taken;
        }

        taken += _encoding == Encoding.Utf8 ? DecodeUtf8(bytes[taken..], isLast, output) : DecodeUtf16(bytes[taken..], isLast, output);
        return taken;
    }

    private static bool IsPartOfMark(ReadOnlySpan<byte> bytes) =>
        bytes is [] or [0xEF] or [0xEF, 0xBB] or [0xFF] or [0xFE];

    private static (Encoding Encoding, int MarkLength) Recognize(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [0xEF, 0xBB, 0xBF, ..] => (Encoding.Utf8, 3),
        [0xFF, 0xFE, ..] => (Encoding.Utf16, 2),
        [0xFE, 0xFF, ..] => (Encoding.Utf16BigEndian, 2),
        _ => (Encoding.Utf8, 0),
    };

    private int DecodeUtf8(ReadOnlySpan<byte> bytes, bool isLast, SourceText output)
    {
        int taken = 0;
        while (taken < bytes.Length)
        {
            if (bytes[taken] < 0x80)
            {
                Emit((char)bytes[taken], _position, 1, output);
                taken++;
                _position++;
                continue;
            }

            OperationStatus status = Rune.DecodeFromUtf8(bytes[taken..], out Rune rune, out int length);
            if (status == OperationStatus.NeedMoreData && !isLast)
            {
                break;
            }

            EmitRune(rune, length, output);
            taken += length;
            _position += length;
        }

        return taken;
    }

    private int DecodeUtf16(ReadOnlySpan<byte> bytes, bool isLast, SourceText output)
    {
        int taken = 0;
        for (; taken + 1 < bytes.Length; taken += 2, _position += 2)
        {
            char unit = (char)(_encoding == Encoding.Utf16 ? bytes[taken] | (bytes[taken + 1] << 8) : (bytes[taken] << 8) | bytes[taken + 1]);
            if (char.IsLowSurrogate(unit) && _high != 0)
            {
                output.Add(_high, _position - 2, 4);
                output.Add(unit, _position - 2, 4);
                _high = '\0';
                continue;
            }

            FlushHigh(output);
            if (char.IsHighSurrogate(unit))
            {
                _high = unit;
            }
            else
            {
                Emit(char.IsLowSurrogate(unit) ? '\uFFFD' : unit, _position, 2, output);
            }
        }

        if (isLast && taken < bytes.Length)
        {
            FlushHigh(output);
            output.Add('\uFFFD', _position, 1);
            taken++;
            _position++;
        }

        return taken;
    }

    /// <summary>Half of a pair whose other half did not come.</summary>
    private void FlushHigh(SourceText output)
    {
        if (_high != 0)
        {
            output.Add('\uFFFD', _position - 2, 2);
            _high = '\0';
        }
    }

    private void EmitRune(Rune rune, int length, SourceText output)
    {
        Span<char> units = stackalloc char[2];
        if (rune.EncodeToUtf16(units) == 1)
        {
            Emit(units[0], _position, length, output);
        }
        else
        {
            output.Add(units[0], _position, length);
            output.Add(units[1], _position, length);
        }
    }

    private static void Emit(char value, long start, int length, SourceText output)
    {
        if (IsKept(value))
        {
            output.Add(value, start, length);
        }
    }

    /// <summary>Whether a character is text, or white space.</summary>
    public static bool IsKept(char value) => value switch
    {
        '\t' or '\n' or '\v' or '\f' or '\r' or '\u0085' => true,
        < ' ' or (>= '\u007F' and <= '\u009F') or '\u00AD' or '\uFEFF' => false,
        _ => true,
    };
}
