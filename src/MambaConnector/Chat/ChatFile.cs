using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;

namespace MambaConnector.Chat;

/// <summary>The file of a saved conversation: magic (8 bytes), version (u32), length of the transcript (u32), transcript (JSON, UTF-8), length of the
/// state (u64), state (the native format), SHA-256 of all that; numbers little-endian.</summary>
internal static class ChatFile
{
    private const uint Version = 1;
    private const int HeaderLength = 16;

    private static ReadOnlySpan<byte> Magic => "MAMBCHAT"u8;

    public static void Write(Stream stream, ChatTranscript transcript, ReadOnlySpan<byte> state)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(transcript, ChatTranscriptJson.Default.ChatTranscript);
        byte[] file = new byte[HeaderLength + json.Length + sizeof(ulong) + state.Length + SHA256.HashSizeInBytes];
        Span<byte> rest = file;
        Magic.CopyTo(rest);
        BinaryPrimitives.WriteUInt32LittleEndian(rest[8..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(rest[12..], (uint)json.Length);
        json.CopyTo(rest[HeaderLength..]);
        rest = rest[(HeaderLength + json.Length)..];
        BinaryPrimitives.WriteUInt64LittleEndian(rest, (ulong)state.Length);
        state.CopyTo(rest[sizeof(ulong)..]);
        SHA256.HashData(file.AsSpan(..^SHA256.HashSizeInBytes), file.AsSpan(^SHA256.HashSizeInBytes..));
        stream.Write(file);
    }

    /// <exception cref="MambaFormatException">It is no such file, of a later version, or damaged.</exception>
    public static (ChatTranscript Transcript, ReadOnlyMemory<byte> State) Read(Stream stream)
    {
        using MemoryStream buffer = new();
        stream.CopyTo(buffer);
        ReadOnlyMemory<byte> file = buffer.GetBuffer().AsMemory(0, (int)buffer.Length);
        if (file.Length < HeaderLength + sizeof(ulong) + SHA256.HashSizeInBytes || !file.Span.StartsWith(Magic))
        {
            throw new MambaFormatException(MambaErrorCode.BadFormat, "This is no saved conversation.");
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(file.Span[8..]);
        if (version != Version)
        {
            throw new MambaFormatException(
                MambaErrorCode.Unsupported, $"The saved conversation is of version {version}; this build reads version {Version}.");
        }

        ReadOnlyMemory<byte> body = file[..^SHA256.HashSizeInBytes];
        if (!SHA256.HashData(body.Span).AsSpan().SequenceEqual(file.Span[^SHA256.HashSizeInBytes..]))
        {
            throw Damaged();
        }

        // The checksum holds, so the lengths are what was written; they are checked all the same, since a file may be made by anyone.
        uint jsonLength = BinaryPrimitives.ReadUInt32LittleEndian(file.Span[12..]);
        ReadOnlyMemory<byte> rest = body[HeaderLength..];
        if (jsonLength > rest.Length - sizeof(ulong))
        {
            throw Damaged();
        }

        ReadOnlyMemory<byte> state = rest[((int)jsonLength + sizeof(ulong))..];
        if (BinaryPrimitives.ReadUInt64LittleEndian(rest.Span[(int)jsonLength..]) != (ulong)state.Length)
        {
            throw Damaged();
        }

        try
        {
            ChatTranscript? transcript = JsonSerializer.Deserialize(rest.Span[..(int)jsonLength], ChatTranscriptJson.Default.ChatTranscript);
            return transcript is null || transcript.Turns.Contains(null!) ? throw Damaged() : (transcript, state);
        }
        catch (JsonException exception)
        {
            throw Damaged(exception);
        }
    }

    private static MambaFormatException Damaged(Exception? cause = null) =>
        new(MambaErrorCode.BadFormat, "The saved conversation is damaged: its checksum or its lengths do not fit. Nothing was changed.", cause);
}
