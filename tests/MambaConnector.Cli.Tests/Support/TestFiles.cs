namespace MambaConnector.Cli.Tests;

/// <summary>Files of the source tree that the tests read.</summary>
internal static class TestFiles
{
    private static readonly string _root = FindRoot();

    /// <summary>A tiny model of random weights.</summary>
    public static string Model(string name) => Path.Combine(_root, "native", "tests", "fixtures", name);

    /// <summary>A vocabulary or tokenizer.</summary>
    public static string Tokenizer(params string[] parts) =>
        Path.Combine([_root, "tests", "MambaConnector.Tests", "Fixtures", "tokenizers", .. parts]);

    /// <summary>A file of these tests' own.</summary>
    public static string Own(string name) => Path.Combine(_root, "tests", "MambaConnector.Cli.Tests", "Fixtures", name);

    private static string FindRoot()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "MambaConnector.sln")))
        {
            directory = directory.Parent;
        }

        return directory?.FullName ?? throw new InvalidOperationException($"No MambaConnector.sln above '{AppContext.BaseDirectory}'.");
    }
}
