using System.Buffers.Binary;
using System.Numerics;

namespace MambaConnector.Io;

/// <summary>CRC-32C (Castagnoli, RFC 3720), which processors compute at several bytes a cycle.</summary>
internal static class Crc32C
{
    /// <summary>The checksum of all parts in a row.</summary>
    public static uint Of(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second) => ~Update(Update(uint.MaxValue, first), second);

    private static uint Update(uint crc, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        foreach (byte value in bytes)
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        return crc;
    }
}
