namespace MambaConnector.Io;

/// <summary>Replaces files so that a reader finds the old content or the new, never a part.</summary>
internal static class AtomicFile
{
    /// <summary>How the names of files that are being written end.</summary>
    public const string TemporaryExtension = ".tmp";

    /// <summary>Writes beside <paramref name="path"/>, flushes to the disk, then renames. The file beside it is open until it has its name,
    /// which shows others that its writer lives.</summary>
    /// <exception cref="IOException">Writing failed; the file is as before.</exception>
    public static void Write(string path, Action<FileStream> write)
    {
        string full = Path.GetFullPath(path);
        string temporary = $"{full}.{Guid.NewGuid():n}{TemporaryExtension}";
        try
        {
            using FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.Read | FileShare.Delete);
            write(stream);
            stream.Flush(flushToDisk: true);
            File.Move(temporary, full, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
