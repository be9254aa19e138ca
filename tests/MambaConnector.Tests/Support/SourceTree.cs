namespace MambaConnector.Tests.Support;

/// <summary>Files of the source tree that the tests read.</summary>
internal static class SourceTree
{
    private static readonly string _root = FindRoot();

    /// <summary>The directory of a tiny model of random weights.</summary>
    public static string Model(string name) => Path.Combine(_root, "native", "tests", "fixtures", name);

    /// <summary>A tokenizer of the tests of tokenizers.</summary>
    public static string Tokenizer(string name) => Path.Combine(_root, "tests", "MambaConnector.Tests", "Fixtures", "tokenizers", name);

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
