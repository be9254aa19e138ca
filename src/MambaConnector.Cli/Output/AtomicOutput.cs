namespace MambaConnector.Cli.Output;

/// <summary>Files that are written whole or not at all.</summary>
internal static class AtomicOutput
{
    /// <summary>Writes a file beside its place and moves it there: whenever the machine stops, the old or the new one is there.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        string temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            using (FileStream stream = new(temporary, FileMode.Create, FileAccess.Write))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }
}
