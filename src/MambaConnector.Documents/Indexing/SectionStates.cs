using MambaConnector.Io;

namespace MambaConnector.Documents.Indexing;

/// <summary>States of single sections, in a directory beside the index: files that may be deleted at any time. They only save time: where they cannot
/// be read or written, sections are read again.</summary>
/// <param name="indexPath">The index.</param>
/// <param name="maxBytes">What they may take.</param>
internal sealed class SectionStates(string indexPath, long maxBytes)
{
    private const string Extension = ".sections";

    private readonly string _directory = indexPath + Extension;

    /// <summary>Forgets the states of an index.</summary>
    public static void Delete(string indexPath)
    {
        string directory = indexPath + Extension;
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <returns>The state of a section; null where none is kept that has read those tokens.</returns>
    public ReadOnlyMemory<byte>? TryRead(byte[] key, int section, byte[] digest)
    {
        try
        {
            return maxBytes > 0 && StateFile.TryRead(PathOf(section), key) is { } file && file.Number == section
                && file.Digest.AsSpan().SequenceEqual(digest)
                ? file.State
                : default(ReadOnlyMemory<byte>?);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps a state, where there is room for it and it can be written.</summary>
    public void Keep(byte[] key, StateFile state)
    {
        if (state.State.Length > maxBytes)
        {
            return;
        }

        try
        {
            Directory.CreateDirectory(_directory);
            string path = PathOf(state.Number);
            long bytes = 0;
            foreach (FileInfo file in new DirectoryInfo(_directory).EnumerateFiles())
            {
                if (file.Extension == AtomicFile.TemporaryExtension)
                {
                    DeleteUnlessOpen(file.FullName);
                }
                else if (file.FullName != path)
                {
                    bytes += file.Length;
                }
            }

            if (bytes + state.State.Length <= maxBytes)
            {
                state.Write(path, key);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It is read again the next time.
        }
    }

    /// <summary>Deletes what a killed process left of a file.</summary>
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

    private string PathOf(int section) => Path.Combine(_directory, FormattableString.Invariant($"{section}.state"));
}
