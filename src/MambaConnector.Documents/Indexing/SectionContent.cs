using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;

namespace MambaConnector.Documents.Indexing;

/// <summary>The blocks of a section as bytes: UTF-8 with a NUL between two, compressed by Brotli, whose output is the same on every
/// machine.</summary>
internal static class SectionContent
{
    private const char Separator = '\0';
    private const int Quality = 5;
    private const int Window = 22;
    private const int MostBytes = 1 << 28;

    public static byte[] Pack(IReadOnlyList<string> blocks)
    {
        byte[] text = Encoding.UTF8.GetBytes(string.Join(Separator, blocks));
        byte[] packed = new byte[sizeof(int) + BrotliEncoder.GetMaxCompressedLength(text.Length)];
        BinaryPrimitives.WriteInt32LittleEndian(packed, text.Length);
        BrotliEncoder.TryCompress(text, packed.AsSpan(sizeof(int)), out int length, Quality, Window);
        return packed[..(sizeof(int) + length)];
    }

    /// <returns>The blocks; null where the bytes are none.</returns>
    public static string[]? Unpack(ReadOnlySpan<byte> packed)
    {
        if (packed.Length < sizeof(int))
        {
            return null;
        }

        int length = BinaryPrimitives.ReadInt32LittleEndian(packed);
        if (length is < 0 or > MostBytes)
        {
            return null;
        }

        byte[] text = new byte[length];
        return BrotliDecoder.TryDecompress(packed[sizeof(int)..], text, out int written) && written == length
            ? Encoding.UTF8.GetString(text).Split(Separator)
            : null;
    }
}
