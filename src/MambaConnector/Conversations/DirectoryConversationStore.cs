using System.IO.Enumeration;
using MambaConnector.Io;

namespace MambaConnector;

/// <summary>Keeps the states of conversations as files of one directory. Several processes may share it, and any of them may be killed at
/// any moment: a state is there as a whole or not at all.</summary>
/// <remarks><para>The directory itself is the only record of what is kept: every <see cref="SaveAsync"/> lists it once, and forgets what
/// has expired, what exceeds <see cref="ConversationStoreOptions.MaxBytes"/>, and what dead writers left. The time of a file's last change
/// is that of its last use.</para>
/// <para>Files are flushed to the disk before they get their names. After a loss of power, the last ones may be missing.</para></remarks>
public sealed class DirectoryConversationStore : IConversationStore
{
    private const string Extension = ".state";

    // A writer holds a lock on its file. Where the file system has none, one that changed so lately is taken for alive.
    private static readonly TimeSpan LeftoverAge = TimeSpan.FromMinutes(1);

    private readonly string _directory;
    private readonly ConversationStoreLimits _limits;
    private readonly TimeProvider _time;

    /// <summary>Opens a directory and forgets what is to be forgotten. One that is absent is made, on Unix for its owner alone.</summary>
    /// <param name="path">The directory. Other files in it are left alone.</param>
    /// <param name="options">What the store forgets; null: as <see cref="ConversationStoreOptions"/> begins.</param>
    /// <param name="timeProvider">The clock of the expiry; null: the system's.</param>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    /// <exception cref="IOException">The directory cannot be made or listed.</exception>
    public DirectoryConversationStore(string path, ConversationStoreOptions? options = null, TimeProvider? timeProvider = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        _directory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        _limits = new ConversationStoreLimits(options ?? new ConversationStoreOptions());
        _time = timeProvider ?? TimeProvider.System;
        Guard(() =>
        {
            if (OperatingSystem.IsWindows())
            {
                Directory.CreateDirectory(_directory);
            }
            else
            {
                Directory.CreateDirectory(_directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }

            Sweep(null);
        });
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">No state can have the id.</exception>
    /// <exception cref="IOException">Writing failed, or the state alone is larger than <see cref="ConversationStoreOptions.MaxBytes"/>;
    /// nothing is kept under the id, and other states are as before.</exception>
    public async ValueTask SaveAsync(string id, ReadOnlyMemory<byte> state, CancellationToken cancellationToken = default)
    {
        ConversationId.Check(id);
        _limits.Check(id, state.Length);
        await Task.Run(() => Guard(() => Save(id, state, cancellationToken)), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    /// <exception cref="IOException">Reading failed, or the file is damaged or of a later version; it stays.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> LoadAsync(string id, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(id);
        ReadOnlyMemory<byte>? state = null;
        await Task.Run(() => Guard(() => state = Load(id, cancellationToken)), cancellationToken).ConfigureAwait(false);
        return state;
    }

    /// <inheritdoc/>
    public async ValueTask RemoveAsync(string id, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(id);
        await Task.Run(() => Guard(() => Remove(id)), cancellationToken).ConfigureAwait(false);
    }

    private static void Guard(Action action)
    {
        try
        {
            action();
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new IOException(exception.Message, exception);
        }
    }

    private void Save(string id, ReadOnlyMemory<byte> state, CancellationToken cancellationToken)
    {
        string path = PathOf(id);
        AtomicFile.Write(path, stream =>
        {
            ConversationFile.Write(stream, id, state.Span, cancellationToken);
            File.SetLastWriteTimeUtc(stream.SafeFileHandle, _time.GetUtcNow().UtcDateTime);
        });
        Sweep(path);
    }

    private ReadOnlyMemory<byte>? Load(string id, CancellationToken cancellationToken)
    {
        if (!ConversationId.IsValid(id))
        {
            return null;
        }

        string path = PathOf(id);
        try
        {
            using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            if (_limits.IsExpired(_time.GetUtcNow() - File.GetLastWriteTimeUtc(stream.SafeFileHandle)))
            {
                return null;
            }

            ReadOnlyMemory<byte>? state = ConversationFile.Read(stream, id, cancellationToken);
            Touch(path);
            return state;
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private void Remove(string id)
    {
        try
        {
            if (ConversationId.IsValid(id))
            {
                File.Delete(PathOf(id));
            }
        }
        catch (DirectoryNotFoundException)
        {
            // Nothing is kept there.
        }
    }

    /// <summary>Notes that a state was used. Where that is not allowed, or the file has gone, the state is only forgotten
    /// earlier.</summary>
    private void Touch(string path)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, _time.GetUtcNow().UtcDateTime);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }

    /// <summary>Forgets what is to be forgotten, but not the state just saved.</summary>
    private void Sweep(string? saved)
    {
        DateTimeOffset now = _time.GetUtcNow();
        List<Entry> states = [];
        long bytes = 0;
        foreach (Entry entry in List())
        {
            if (!entry.IsState)
            {
                if (now - entry.UsedAt >= LeftoverAge)
                {
                    DeleteUnlessOpen(entry.Path);
                }
            }
            else if (entry.Path != saved && _limits.IsExpired(now - entry.UsedAt))
            {
                TryDelete(entry.Path);
            }
            else
            {
                states.Add(entry);
                bytes += entry.Bytes;
            }
        }

        if (bytes <= _limits.MaxBytes)
        {
            return;
        }

        // Stores that sweep at once choose the same files.
        states.RemoveAll(entry => entry.Path == saved);
        foreach (Entry entry in states.OrderBy(entry => entry.UsedAt).ThenBy(entry => entry.Path, StringComparer.Ordinal))
        {
            if (bytes <= _limits.MaxBytes)
            {
                break;
            }

            if (TryDelete(entry.Path))
            {
                bytes -= entry.Bytes;
            }
        }
    }

    /// <summary>The files of the store and of its writers. Those that vanish meanwhile are left out or have no bytes.</summary>
    private FileSystemEnumerable<Entry> List() => new(
        _directory,
        (ref FileSystemEntry entry) => new Entry(
            entry.ToFullPath(),
            entry.FileName.EndsWith(Extension, StringComparison.Ordinal),
            Math.Max(0, entry.Length - ConversationFile.HeaderLength),
            entry.LastWriteTimeUtc))
    {
        ShouldIncludePredicate = (ref FileSystemEntry entry) => !entry.IsDirectory && IsOurs(entry.FileName),
    };

    /// <summary>Whether a file is <c>ID.state</c> or <c>ID.state.SOMETHING.tmp</c>.</summary>
    private static bool IsOurs(ReadOnlySpan<char> name)
    {
        int dot = name.IndexOf('.');
        return dot > 0 && ConversationId.IsValid(name[..dot]) && name[dot..].StartsWith(Extension, StringComparison.Ordinal) &&
            (name.Length == dot + Extension.Length ||
                (name[dot + Extension.Length] == '.' && name.EndsWith(AtomicFile.TemporaryExtension, StringComparison.Ordinal)));
    }

    private static void DeleteUnlessOpen(string path)
    {
        try
        {
            File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Its writer lives, or another process was faster.
        }
    }

    /// <returns>False when it cannot be deleted now; the next sweep tries again.</returns>
    private static bool TryDelete(string path)
    {
        try
        {
            File.Delete(path);
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private string PathOf(string id) => Path.Combine(_directory, id + Extension);

    /// <param name="Path">The whole path.</param>
    /// <param name="IsState">Whether it is a state, not a file that is being written.</param>
    /// <param name="Bytes">Those of the state.</param>
    /// <param name="UsedAt">When it was last used.</param>
    private readonly record struct Entry(string Path, bool IsState, long Bytes, DateTimeOffset UsedAt);
}
