namespace MambaConnector.Cli.Tests;

/// <summary>A folder that goes when the test ends.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mamba-cli-tests-");

    /// <summary>A path in it.</summary>
    public string File(string name) => System.IO.Path.Combine(_folder.FullName, name);

    /// <summary>Names of the files in it.</summary>
    public string[] Names => [.. _folder.GetFiles().Select(file => file.Name).Order(StringComparer.Ordinal)];

    public void Dispose() => _folder.Delete(recursive: true);
}
