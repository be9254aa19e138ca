namespace SummarizerSample;

/// <summary>Where the index lies: where it was asked for, or in a folder that goes with the program.</summary>
internal sealed class IndexPlace : IDisposable
{
    private readonly DirectoryInfo? _folder;

    /// <param name="path">What was asked for; null: nothing.</param>
    public IndexPlace(string? path)
    {
        _folder = path is null ? Directory.CreateTempSubdirectory("mamba-summarizer-") : null;
        Path = path ?? System.IO.Path.Combine(_folder!.FullName, "document.index");
    }

    /// <summary>The index.</summary>
    public string Path { get; }

    public void Dispose() => _folder?.Delete(recursive: true);
}
