using System.Text;

namespace MambaConnector.Tokenization;

/// <summary>
/// GPT-2's alphabet for bytes: 256 printable characters, one a byte, in which byte-level vocabularies are written. Printable Latin-1 bytes
/// stand for themselves; the other 68, in order, are U+0100 and up ("Ġ" is the space).
/// </summary>
internal static class ByteAlphabet
{
    /// <summary>All characters of the alphabet lie below this bound.</summary>
    public const int Bound = 0x144;

    private static readonly char[] ByteToChar = Build();
    private static readonly short[] CharToByte = Invert(ByteToChar);

    /// <summary>The character of a byte.</summary>
    public static char ToChar(byte value) => ByteToChar[value];

    /// <summary>The byte of a character, or -1 if it is not in the alphabet.</summary>
    public static int ToByte(char c) => c < Bound ? CharToByte[c] : -1;

    /// <summary>The bytes that a token's spelling stands for; a spelling with any other character stands for its own UTF-8.</summary>
    public static byte[] Decode(string spelling)
    {
        var bytes = new byte[spelling.Length];
        for (var i = 0; i < spelling.Length; i++)
        {
            var value = ToByte(spelling[i]);
            if (value < 0)
            {
                return Encoding.UTF8.GetBytes(spelling);
            }

            bytes[i] = (byte)value;
        }

        return bytes;
    }

    private static char[] Build()
    {
        var map = new char[256];
        var next = 0x100;
        for (var b = 0; b < 256; b++)
        {
            map[b] = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)b : (char)next++;
        }

        return map;
    }

    private static short[] Invert(char[] map)
    {
        var inverse = new short[Bound];
        Array.Fill(inverse, (short)-1);
        for (var b = 0; b < 256; b++)
        {
            inverse[map[b]] = (short)b;
        }

        return inverse;
    }
}
