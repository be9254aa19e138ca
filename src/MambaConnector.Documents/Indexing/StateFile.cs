using System.Buffers.Binary;
using System.Security.Cryptography;
using MambaConnector.Io;

namespace MambaConnector.Documents.Indexing;

/// <summary>A file of one state: magic (8 bytes), version (u32), number (i32), key (32 bytes), digest (32 bytes), SHA-256 of all that and the state,
/// state (the native format); numbers little-endian.</summary>
/// <param name="Number">Which of several it is.</param>
/// <param name="Digest">The <see cref="TokenDigest"/> of what the state has read.</param>
/// <param name="State">The state.</param>
internal sealed record StateFile(int Number, byte[] Digest, ReadOnlyMemory<byte> State)
{
    private const uint Version = 1;
    private const int DigestOffset = 16 + SHA256.HashSizeInBytes;
    private const int PrefixLength = DigestOffset + SHA256.HashSizeInBytes;
    private const int HeaderLength = PrefixLength + SHA256.HashSizeInBytes;

    private static ReadOnlySpan<byte> Magic => "MAMBSTAT"u8;

    /// <param name="path">The file; there as a whole or as before.</param>
    /// <param name="key">What the state was read with: SHA-256.</param>
    /// <exception cref="IOException">Writing failed.</exception>
    public void Write(string path, ReadOnlySpan<byte> key)
    {
        byte[] header = new byte[HeaderLength];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), Number);
        key.CopyTo(header.AsSpan(16));
        Digest.CopyTo(header, DigestOffset);
        Hash(header, State.Span).CopyTo(header, PrefixLength);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            stream.Write(State.Span);
        });
    }

    /// <returns>The file's content; null where there is none of that key, whole and unchanged.</returns>
    public static StateFile? TryRead(string path, ReadOnlySpan<byte> key)
    {
        byte[] file;
        try
        {
            file = File.ReadAllBytes(path);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }

        ReadOnlySpan<byte> bytes = file;
        return file.Length >= HeaderLength && bytes.StartsWith(Magic) && BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) == Version
            && bytes[16..DigestOffset].SequenceEqual(key)
            && bytes[PrefixLength..HeaderLength].SequenceEqual(Hash(bytes, bytes[HeaderLength..]))
            ? new StateFile(BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]), file[DigestOffset..PrefixLength], file.AsMemory(HeaderLength))
            : null;
    }

    private static byte[] Hash(ReadOnlySpan<byte> header, ReadOnlySpan<byte> state)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(header[..PrefixLength]);
        hash.AppendData(state);
        return hash.GetHashAndReset();
    }
}
