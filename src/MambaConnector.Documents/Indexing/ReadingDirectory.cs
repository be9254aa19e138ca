using System.Globalization;
using MambaConnector.Io;

namespace MambaConnector.Documents.Indexing;

/// <summary>What a reading keeps beside the index until it is done: its checkpoints, a file each, and the texts of its sections. One process at a
/// time has it; of one that was killed everything can be taken up.</summary>
internal sealed class ReadingDirectory : IDisposable
{
    private const string Extension = ".reading";
    private const string StateExtension = ".state";
    private const string LockName = "lock";

    private readonly FileStream _lock;

    private ReadingDirectory(string path, FileStream theLock)
    {
        Path = path;
        _lock = theLock;
    }

    /// <summary>The directory.</summary>
    public string Path { get; }

    /// <summary>The texts of the sections so far.</summary>
    public string TextPath => System.IO.Path.Combine(Path, "text");

    /// <summary>The index, until it is whole.</summary>
    public string IndexPath => System.IO.Path.Combine(Path, "index");

    /// <exception cref="IOException">Another process reads into the index, or the directory cannot be made or is a link.</exception>
    public static ReadingDirectory Open(string indexPath)
    {
        string path = PathOf(System.IO.Path.GetFullPath(indexPath));
        if (!Directory.Exists(System.IO.Path.GetDirectoryName(path)))
        {
            throw new DirectoryNotFoundException($"There is no directory for the index '{indexPath}'; make it first.");
        }

        if (Directory.CreateDirectory(path).LinkTarget is not null)
        {
            throw new IOException($"'{path}' is a link, and what is in it is deleted in the end: remove the link.");
        }

        string lockPath = System.IO.Path.Combine(path, LockName);
        try
        {
            // It goes before it is released: nobody deletes the lock of the next.
            FileStream theLock = new(lockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
            if (File.Exists(lockPath))
            {
                return new ReadingDirectory(path, theLock);
            }

            // The one that had it was about to end.
            theLock.Dispose();
            throw new IOException($"Another process read into the index '{indexPath}' just now; try again.");
        }
        catch (IOException exception) when (File.Exists(lockPath))
        {
            throw new IOException($"Another process reads into the index '{indexPath}'; wait until it is done.", exception);
        }
    }

    /// <summary>The directory of an index.</summary>
    public static string PathOf(string indexPath) => indexPath + Extension;

    public void Write(byte[] key, StateFile checkpoint) => checkpoint.Write(StatePath(checkpoint.Number), key);

    public StateFile? TryRead(byte[] key, int checkpoint) =>
        StateFile.TryRead(StatePath(checkpoint), key) is { } file && file.Number == checkpoint ? file : null;

    /// <summary>The numbers of all checkpoints that there are, whole or not, the newest first.</summary>
    public List<int> List() =>
    [
        .. Directory.EnumerateFiles(Path, "*" + StateExtension)
            .Select(file => NumberOf(System.IO.Path.GetFileName(file)))
            .OfType<int>()
            .OrderDescending(),
    ];

    /// <summary>Forgets all checkpoints but some.</summary>
    public void Keep(IReadOnlySet<int> checkpoints)
    {
        foreach (int number in List())
        {
            if (!checkpoints.Contains(number))
            {
                File.Delete(StatePath(number));
            }
        }
    }

    /// <summary>Deletes everything of a reading but one file: the reading begins anew. What others have put there stays.</summary>
    public void Clear(string? except = null)
    {
        foreach (string file in Directory.EnumerateFiles(Path))
        {
            if (file != except && IsOwn(System.IO.Path.GetFileName(file)))
            {
                File.Delete(file);
            }
        }
    }

    /// <summary>Makes a file, in place of what is there: of a link the link.</summary>
    public static FileStream Create(string path)
    {
        File.Delete(path);
        return new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite);
    }

    /// <summary>Deletes the directory, unless others have put something there.</summary>
    public void Delete()
    {
        Clear();
        _lock.Dispose();
        if (!Directory.EnumerateFileSystemEntries(Path).Any())
        {
            Directory.Delete(Path);
        }
    }

    /// <summary>Deletes what can be deleted: the index stands, and nothing depends on it.</summary>
    public void TryDelete()
    {
        try
        {
            Delete();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The next reading takes up or deletes what is left.
        }
    }

    public void Dispose() => _lock.Dispose();

    private static bool IsOwn(string name) =>
        name is "text" or "index" || NumberOf(name) is not null
        || (name.EndsWith(AtomicFile.TemporaryExtension, StringComparison.Ordinal) && name.Contains(StateExtension + ".", StringComparison.Ordinal)
            && NumberOf(name[..(name.IndexOf(StateExtension, StringComparison.Ordinal) + StateExtension.Length)]) is not null);

    /// <summary>The number of a checkpoint's file; null: it is none.</summary>
    private static int? NumberOf(string name) =>
        name.EndsWith(StateExtension, StringComparison.Ordinal)
        && int.TryParse(name[..^StateExtension.Length], NumberStyles.None, CultureInfo.InvariantCulture, out int number)
        && number < int.MaxValue && name == FormattableString.Invariant($"{number}{StateExtension}") ? number : null;

    private string StatePath(int checkpoint) => System.IO.Path.Combine(Path, FormattableString.Invariant($"{checkpoint}{StateExtension}"));
}
