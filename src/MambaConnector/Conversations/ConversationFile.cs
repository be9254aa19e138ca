using System.Buffers.Binary;
using System.Text;
using MambaConnector.Io;

namespace MambaConnector;

/// <summary>A file of the <see cref="DirectoryConversationStore"/>: magic (8 bytes), version (u32), CRC-32C of the rest (u32), id (128
/// bytes of ASCII, padded with zeros), state; numbers little-endian.</summary>
/// <remarks>The store keeps any bytes, so it has a checksum of its own: it finds a file that was cut or changed. With the id in the file,
/// one that was renamed, or that a file system which ignores case found under another id, continues no other conversation.</remarks>
internal static class ConversationFile
{
    public const int HeaderLength = 16 + ConversationId.MaxLength;

    private const uint Version = 1;
    private const int ChunkLength = 1 << 20;

    private static ReadOnlySpan<byte> Magic => "MAMBKEPT"u8;

    public static void Write(Stream stream, string id, ReadOnlySpan<byte> state, CancellationToken cancellationToken)
    {
        Span<byte> header = stackalloc byte[HeaderLength];
        header.Clear();
        Magic.CopyTo(header);
        Encoding.ASCII.GetBytes(id, header[16..]);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], Crc32C.Of(header[16..], state));
        stream.Write(header);
        for (; !state.IsEmpty; state = state[Math.Min(ChunkLength, state.Length)..])
        {
            cancellationToken.ThrowIfCancellationRequested();
            stream.Write(state[..Math.Min(ChunkLength, state.Length)]);
        }
    }

    /// <returns>The state; null when the file is that of another id.</returns>
    /// <exception cref="IOException">Reading failed, or the file is none of a store, of a later version, or damaged.</exception>
    public static ReadOnlyMemory<byte>? Read(FileStream stream, string id, CancellationToken cancellationToken)
    {
        if (stream.Length < HeaderLength || stream.Length > Array.MaxLength)
        {
            throw Damaged(stream);
        }

        byte[] file = GC.AllocateUninitializedArray<byte>((int)stream.Length);
        for (int read = 0; read < file.Length; read += Math.Min(ChunkLength, file.Length - read))
        {
            cancellationToken.ThrowIfCancellationRequested();
            stream.ReadExactly(file, read, Math.Min(ChunkLength, file.Length - read));
        }

        ReadOnlySpan<byte> header = file.AsSpan(0, HeaderLength);
        if (!header.StartsWith(Magic))
        {
            throw Damaged(stream);
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        if (version != Version)
        {
            throw new IOException($"The stored conversation '{stream.Name}' is of version {version}; this build reads version {Version}.");
        }

        ReadOnlyMemory<byte> state = file.AsMemory(HeaderLength);
        if (Crc32C.Of(header[16..], state.Span) != BinaryPrimitives.ReadUInt32LittleEndian(header[12..]))
        {
            throw Damaged(stream);
        }

        return Encoding.ASCII.GetString(header[16..]).TrimEnd('\0') == id ? state : default(ReadOnlyMemory<byte>?);
    }

    private static IOException Damaged(FileStream stream) => new($"The stored conversation '{stream.Name}' is damaged. Delete the file.");
}
