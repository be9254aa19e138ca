using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace MambaConnector.Documents.Indexing;

/// <summary>The file of an index: magic (8 bytes), version (u32), reserved (u32); texts of sections, each packed by <see cref="SectionContent"/>;
/// states in the native format; an <see cref="IndexDirectory"/> (JSON, UTF-8); its offset (u64), its length (u64), SHA-256 of the first 16 bytes, of
/// it and of these two numbers, magic again; numbers little-endian.</summary>
/// <remarks>Texts and states have checksums of their own, so that an index opens at once, whatever its size.</remarks>
internal static class IndexFile
{
    public const int PrefixLength = 16;

    private const uint Version = 1;
    private const int TrailerLength = 16 + SHA256.HashSizeInBytes + 8;

    private static ReadOnlySpan<byte> Magic => "MAMBINDX"u8;

    /// <summary>Whether a file begins as an index does.</summary>
    public static bool IsIndex(string path)
    {
        using SafeFileHandle file = File.OpenHandle(path);
        Span<byte> head = stackalloc byte[Magic.Length];
        return RandomAccess.Read(file, head, 0) == head.Length && head.SequenceEqual(Magic);
    }

    /// <summary>Writes the beginning; texts and states follow.</summary>
    public static void Begin(Stream stream)
    {
        stream.Write(Prefix());
    }

    /// <summary>Writes the end.</summary>
    public static void End(Stream stream, IndexDirectory directory)
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(directory, IndexJson.Default.IndexDirectory);
        byte[] trailer = new byte[TrailerLength];
        BinaryPrimitives.WriteInt64LittleEndian(trailer, stream.Position);
        BinaryPrimitives.WriteInt64LittleEndian(trailer.AsSpan(8), json.Length);
        Hash(Prefix(), json, trailer.AsSpan(0, 16)).CopyTo(trailer, 16);
        Magic.CopyTo(trailer.AsSpan(^8..));
        stream.Write(json);
        stream.Write(trailer);
    }

    /// <exception cref="MambaFormatException">It is no index, damaged, or of a later version.</exception>
    public static IndexDirectory ReadDirectory(SafeFileHandle file, string path)
    {
        long length = RandomAccess.GetLength(file);
        byte[] prefix = new byte[PrefixLength];
        byte[] trailer = new byte[TrailerLength];
        if (length < PrefixLength + TrailerLength)
        {
            throw Damaged(path);
        }

        Read(file, prefix, 0, path);
        if (!prefix.AsSpan().StartsWith(Magic))
        {
            throw new MambaFormatException(MambaErrorCode.BadFormat, $"'{path}' is no index of a document.");
        }

        uint version = BinaryPrimitives.ReadUInt32LittleEndian(prefix.AsSpan(8));
        if (version != Version)
        {
            throw new MambaFormatException(
                MambaErrorCode.Unsupported,
                $"The index '{path}' is of version {version}; this build reads version {Version}. Read the document again to another path.");
        }

        Read(file, trailer, length - TrailerLength, path);
        long offset = BinaryPrimitives.ReadInt64LittleEndian(trailer);
        long size = BinaryPrimitives.ReadInt64LittleEndian(trailer.AsSpan(8));
        if (!trailer.AsSpan().EndsWith(Magic) || offset < PrefixLength || offset > length || size is < 0 or > int.MaxValue
            || offset + size != length - TrailerLength)
        {
            throw Damaged(path);
        }

        byte[] json = new byte[size];
        Read(file, json, offset, path);
        if (!Hash(prefix, json, trailer.AsSpan(0, 16)).AsSpan().SequenceEqual(trailer.AsSpan(16, SHA256.HashSizeInBytes)))
        {
            throw Damaged(path);
        }

        try
        {
            IndexDirectory? directory = JsonSerializer.Deserialize(json, IndexJson.Default.IndexDirectory);
            return directory is not null && IsConsistent(directory, offset) ? directory : throw Damaged(path);
        }
        catch (JsonException exception)
        {
            throw Damaged(path, exception);
        }
    }

    /// <summary>The checksum of an index's directory: whatever is read into an index changes it.</summary>
    /// <exception cref="MambaFormatException">The file is too short.</exception>
    public static byte[] ReadHash(SafeFileHandle file, string path)
    {
        byte[] hash = new byte[SHA256.HashSizeInBytes];
        Read(file, hash, Math.Max(0, RandomAccess.GetLength(file) - TrailerLength + 16), path);
        return hash;
    }

    /// <summary>Reads bytes of an index.</summary>
    /// <exception cref="MambaFormatException">The file ends before.</exception>
    public static void Read(SafeFileHandle file, Span<byte> destination, long offset, string path)
    {
        while (!destination.IsEmpty)
        {
            int count = RandomAccess.Read(file, destination, offset);
            if (count == 0)
            {
                throw Damaged(path);
            }

            destination = destination[count..];
            offset += count;
        }
    }

    public static MambaFormatException Damaged(string path, Exception? cause = null) => new(
        MambaErrorCode.BadFormat,
        $"The index '{path}' is damaged: its checksums or lengths do not fit. Delete it and read the document again.",
        cause);

    // The checksum holds, so this is what was written; it is checked all the same, since a file may be made by anyone.
    private static bool IsConsistent(IndexDirectory directory, long end)
    {
        // No member is null, but elements may be.
        if (directory is not { MaxSectionBytes: >= 0, Identity: { SectionTokens: >= 64 and <= 65_536, MaxBytes: >= 0 } identity, Parts.Count: > 0 }
            || !Enum.IsDefined(identity.Format))
        {
            return false;
        }

        long length = 0;
        foreach (DocumentPart? part in directory.Parts)
        {
            if (part is not { Length: >= 0, Hash.Length: 2 * SHA256.HashSizeInBytes } || part.Length > long.MaxValue - length)
            {
                return false;
            }

            length += part.Length;
        }

        long tokens = identity.Opening.Length, start = 0;
        for (int index = 0; index < directory.Sections.Count; index++)
        {
            if (directory.Sections[index] is not { Section: { Level: >= 0 and <= 6, Part: > 0 } section } entry
                || section.Index != index || section.Start < start || section.End < section.Start || section.End > length
                || section.TokenStart != tokens || section.TokenEnd < tokens || section.TokenEnd - tokens > int.MaxValue
                || !IsInside(entry.Offset, entry.Length, end))
            {
                return false;
            }

            (tokens, start) = (section.TokenEnd, section.Start);
        }

        int border = -2;
        foreach (StateEntry? state in directory.States)
        {
            if (state is null || state.Border <= border || state.Border >= directory.Sections.Count || !IsInside(state.Offset, state.Length, end))
            {
                return false;
            }

            border = state.Border;
        }

        return border == directory.Sections.Count - 1;
    }

    private static bool IsInside(long offset, int length, long end) => offset >= PrefixLength && length >= 0 && offset <= end - length;

    private static byte[] Prefix()
    {
        byte[] prefix = new byte[PrefixLength];
        Magic.CopyTo(prefix);
        BinaryPrimitives.WriteUInt32LittleEndian(prefix.AsSpan(8), Version);
        return prefix;
    }

    private static byte[] Hash(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> json, ReadOnlySpan<byte> place)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(prefix);
        hash.AppendData(json);
        hash.AppendData(place);
        return hash.GetHashAndReset();
    }
}
