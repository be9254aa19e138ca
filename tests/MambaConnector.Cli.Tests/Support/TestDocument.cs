namespace MambaConnector.Cli.Tests;

/// <summary>A short document in a folder of its own, with its index beside it.</summary>
internal sealed class TestDocument : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public TestDocument() => File.WriteAllText(
        Path,
        """
        # The harbour

        The ship Aurora lies in the harbour. Its captain is called Brand, and he waits for the wind to turn.

        # The market

        On the market a pound of apples costs four pence. Nobody sells pears this year, because of the frost in May.
        """);

    /// <summary>The document.</summary>
    public string Path => _folder.File("town.md");

    /// <summary>Its index.</summary>
    public string Index => _folder.File("town.index");

    /// <summary>The beginning of every command line about it.</summary>
    public string[] Verb(string verb) => [verb, Path, "--index", Index, "--max-tokens", "8"];

    public void Dispose() => _folder.Dispose();
}
