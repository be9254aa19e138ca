using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace MambaConnector.Documents.Responders;

/// <summary>A file of finished texts, a line of JSON each: what a process wrote before it was killed is there for the next.</summary>
/// <remarks>A line that is torn or damaged is none: its text is written again. Lines are only added.</remarks>
internal sealed class ResponseJournal : IDisposable
{
    private readonly Dictionary<string, ResponsePiece> _known = new(StringComparer.Ordinal);
    private readonly Stream _file;

    /// <summary>A journal that has nothing yet.</summary>
    /// <param name="file">Where finished texts go.</param>
    internal ResponseJournal(Stream file) => _file = file;

    /// <summary>Opens the file, or makes it.</summary>
    /// <param name="path">Where it is.</param>
    /// <exception cref="IOException">It cannot be opened, or someone else writes it.</exception>
    /// <exception cref="InvalidDataException">It holds something else; it is as before.</exception>
    public static ResponseJournal Open(string path)
    {
        FileStream file = new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        try
        {
            CheckBeginning(file);
            ResponseJournal journal = new(file);
            journal.Read();
            return journal;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Opens the file, or makes it, where that is possible, no one else writes it and it holds nothing else.</summary>
    /// <param name="path">Where it is.</param>
    public static ResponseJournal? TryOpen(string path)
    {
        try
        {
            return Open(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>The name of a text that follows from all of these.</summary>
    public static string Key(params ReadOnlySpan<string> parts)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string part in parts)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(part);
            hash.AppendData(BitConverter.GetBytes(bytes.LongLength));
            hash.AppendData(bytes);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    /// <summary>A text that was finished before.</summary>
    public bool TryGet(string key, [MaybeNullWhen(false)] out ResponsePiece text) => _known.TryGetValue(key, out text);

    /// <summary>Adds a finished text and brings it to the disk.</summary>
    public void Add(string key, ResponsePiece text)
    {
        if (_known.TryAdd(key, text))
        {
            FinishReason reason = text.FinishReason ?? FinishReason.Stop;
            JournalLine line = new(key, text.Text, reason, Key(key, text.Text, reason.ToString()));
            _file.Write([.. JsonSerializer.SerializeToUtf8Bytes(line, DocumentJson.Default.JournalLine), (byte)'\n']);
            _file.Flush();
            (_file as FileStream)?.Flush(flushToDisk: true);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>Lines are added to no file of something else. What a killed process left of a first line is the beginning of one.</summary>
    private static void CheckBeginning(FileStream file)
    {
        ReadOnlySpan<byte> opening = "{\"Key\":\""u8;
        Span<byte> head = stackalloc byte[256];
        head = head[..file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)].TrimStart("\r\n"u8);
        file.Position = 0;
        if (!opening[..Math.Min(head.Length, opening.Length)].SequenceEqual(head[..Math.Min(head.Length, opening.Length)]))
        {
            throw new InvalidDataException($"'{file.Name}' is no journal of summaries, so nothing is written to it: choose another path.");
        }
    }

    private void Read()
    {
        using (StreamReader reader = new(_file, Encoding.UTF8, detectEncodingFromByteOrderMarks: false, leaveOpen: true))
        {
            while (reader.ReadLine() is string text)
            {
                if (TryParse(text, out JournalLine? line))
                {
                    _known[line.Key] = new ResponsePiece(line.Text, line.Reason);
                }
            }
        }

        // What a killed process left of a line, be it all but its end, ends here, so that the next one begins a line.
        if (_file.Length > 0)
        {
            _file.Seek(-1, SeekOrigin.End);
            if (_file.ReadByte() != '\n')
            {
                _file.WriteByte((byte)'\n');
            }
        }
    }

    private static bool TryParse(string text, [NotNullWhen(true)] out JournalLine? line)
    {
        try
        {
            line = JsonSerializer.Deserialize(text, DocumentJson.Default.JournalLine);
        }
        catch (JsonException)
        {
            line = null;
        }

        return line is { Key: not null, Text: not null } && line.Check == Key(line.Key, line.Text, line.Reason.ToString());
    }
}
