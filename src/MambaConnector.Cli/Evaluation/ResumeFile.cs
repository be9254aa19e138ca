using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Evaluation;

/// <summary>What a long run has found so far, and where it stands, so that it goes on after it was stopped in whatever way. A ZIP archive:
/// <c>run.json</c>, and <c>session</c>, a saved session, while one is under way.</summary>
/// <param name="path">The file; null: nothing is kept.</param>
/// <param name="identity">What has to be the same for a run to go on: a line a fact.</param>
internal sealed class ResumeFile(string? path, IReadOnlyList<string> identity)
{
    private const string RunEntry = "run.json";
    private const string SessionEntry = "session";

    /// <summary>Reads what was kept.</summary>
    /// <returns>The run and the bytes of its session; null where there is no file.</returns>
    /// <exception cref="UsageException">The file is that of another run.</exception>
    /// <exception cref="InvalidDataException">The file is none of these.</exception>
    public (T Run, byte[]? Session)? Load<T>(JsonTypeInfo<ResumeState<T>> type)
    {
        if (path is null || !File.Exists(path))
        {
            return null;
        }

        ResumeState<T> state;
        byte[]? session = null;
        try
        {
            using ZipArchive archive = ZipFile.OpenRead(path);
            using (Stream stream = archive.GetEntry(RunEntry)?.Open() ?? throw new InvalidDataException($"It has no {RunEntry}."))
            {
                state = JsonSerializer.Deserialize(stream, type) ?? throw new InvalidDataException($"{RunEntry} is null.");
                if (state.Identity is null || state.Run is null)
                {
                    throw new InvalidDataException($"{RunEntry} lacks its parts.");
                }
            }

            if (archive.GetEntry(SessionEntry) is ZipArchiveEntry entry)
            {
                using Stream stream = entry.Open();
                using MemoryStream copy = new();
                stream.CopyTo(copy);
                session = copy.ToArray();
            }
        }
        catch (Exception exception) when (exception is InvalidDataException or JsonException)
        {
            throw new InvalidDataException($"'{path}' holds no run to go on with: {exception.Message}", exception);
        }

        string? differs = identity.Except(state.Identity).FirstOrDefault();
        return differs is null && identity.Count == state.Identity.Count
            ? (state.Run, session)
            : throw new UsageException($"'{path}' holds another run, not that of {differs ?? "these options"}: remove it, or name another file.");
    }

    /// <summary>Keeps a run, whole or not at all.</summary>
    public void Save<T>(T run, MambaSession? session, JsonTypeInfo<ResumeState<T>> type)
    {
        if (path is null)
        {
            return;
        }

        AtomicOutput.Write(path, file =>
        {
            using ZipArchive archive = new(file, ZipArchiveMode.Create, leaveOpen: true);
            using (Stream stream = archive.CreateEntry(RunEntry).Open())
            {
                JsonSerializer.Serialize(stream, new ResumeState<T>(identity, run), type);
            }

            if (session is not null)
            {
                using Stream stream = archive.CreateEntry(SessionEntry, CompressionLevel.NoCompression).Open();
                session.Save(stream);
            }
        });
    }
}
