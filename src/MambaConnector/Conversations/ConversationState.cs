using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;

namespace MambaConnector;

/// <summary>The bytes kept for one response: magic (8 bytes), version (u32), length of the header (u32), length of the state (u64), header
/// (JSON, UTF-8), SHA-256 of all that, state (the native format); numbers little-endian.</summary>
/// <remarks>The state is outside the SHA-256: it has a checksum and its model's fingerprint of its own, which the native core verifies when
/// it loads it, and hashing its megabytes twice would cost more than copying them.</remarks>
internal static class ConversationState
{
    private const uint Version = 1;
    private const int PreambleLength = 24;

    private static ReadOnlySpan<byte> Magic => "MAMBCONV"u8;

    /// <param name="header">What the state says about itself.</param>
    /// <param name="stateLength">Bytes of the state.</param>
    /// <param name="state">The place of the state in the result: the caller writes it there, and its megabytes are copied once.</param>
    public static byte[] Write(ConversationHeader header, int stateLength, out Span<byte> state)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header, ConversationJson.Default.ConversationHeader);
        int hashed = PreambleLength + json.Length;
        byte[] bytes = GC.AllocateUninitializedArray<byte>(hashed + SHA256.HashSizeInBytes + stateLength);
        Span<byte> rest = bytes;
        Magic.CopyTo(rest);
        BinaryPrimitives.WriteUInt32LittleEndian(rest[8..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(rest[12..], (uint)json.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(rest[16..], (ulong)stateLength);
        json.CopyTo(rest[PreambleLength..]);
        SHA256.HashData(rest[..hashed], rest[hashed..]);
        state = rest[(hashed + SHA256.HashSizeInBytes)..];
        return bytes;
    }

    /// <returns>The header, and the state as a part of <paramref name="bytes"/>.</returns>
    /// <exception cref="MambaFormatException">It is no such state, of a later version, or damaged.</exception>
    public static (ConversationHeader Header, ReadOnlyMemory<byte> State) Read(ReadOnlyMemory<byte> bytes)
    {
        ReadOnlySpan<byte> span = bytes.Span;
        if (span.Length < PreambleLength + SHA256.HashSizeInBytes || !span.StartsWith(Magic))
        {
            throw new MambaFormatException(MambaErrorCode.BadFormat, "What the conversation store returned is no state of a conversation.");
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(span[8..]);
        if (version != Version)
        {
            throw new MambaFormatException(
                MambaErrorCode.Unsupported,
                $"The stored conversation is of version {version}; this build reads version {Version}. Begin a new one with its messages.");
        }

        uint jsonLength = BinaryPrimitives.ReadUInt32LittleEndian(span[12..]);
        if (jsonLength > span.Length - PreambleLength - SHA256.HashSizeInBytes)
        {
            throw Damaged();
        }

        int hashed = PreambleLength + (int)jsonLength;
        ReadOnlyMemory<byte> state = bytes[(hashed + SHA256.HashSizeInBytes)..];
        if (!SHA256.HashData(span[..hashed]).AsSpan().SequenceEqual(span.Slice(hashed, SHA256.HashSizeInBytes)) ||
            BinaryPrimitives.ReadUInt64LittleEndian(span[16..]) != (ulong)state.Length)
        {
            throw Damaged();
        }

        try
        {
            ReadOnlySpan<byte> json = span[PreambleLength..hashed];
            ConversationHeader? header = JsonSerializer.Deserialize(json, ConversationJson.Default.ConversationHeader);
            return header is null || header.OpenToolCalls.Contains(null!) ? throw Damaged() : (header, state);
        }
        catch (JsonException exception)
        {
            throw Damaged(exception);
        }
    }

    private static MambaFormatException Damaged(Exception? cause = null) => new(
        MambaErrorCode.BadFormat,
        "The stored conversation is damaged: its checksum or its lengths do not fit. Begin a new one with its messages.",
        cause);
}
