using MambaConnector.Cli.Documents;

namespace MambaConnector.Cli.Tests.Documents;

public sealed class DocumentCacheTests
{
    [Fact]
    public void AnIndexHasOnePlaceForEachFileAndEachWayOfReading()
    {
        string place = DocumentCache.PathFor("book.txt", "model", "2000");

        Assert.Equal(place, DocumentCache.PathFor(Path.Combine(".", "book.txt"), "model", "2000"));
        Assert.NotEqual(place, DocumentCache.PathFor("book.txt", "model", "1000"));
        Assert.NotEqual(place, DocumentCache.PathFor("book.txt", "other", "2000"));
        Assert.NotEqual(place, DocumentCache.PathFor(Path.Combine("other", "book.txt"), "model", "2000"));
        Assert.StartsWith("book-", Path.GetFileName(place), StringComparison.Ordinal);
        Assert.Contains(Path.Combine("mamba", "documents"), place, StringComparison.Ordinal);
        Assert.True(Path.IsPathRooted(place));
    }

    [Fact]
    public async Task WithoutAnIndexTheCacheFolderIsUsed()
    {
        using TestDocument document = new();
        using TemporaryFolder cache = new();
        string? before = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        try
        {
            Environment.SetEnvironmentVariable("XDG_CACHE_HOME", cache.File("home"));
            string[] ask = ["ask", document.Path, "Who?", "--max-tokens", "2"];
            Assert.True((bool)(await ToolRun.JsonAsync(ask))["was_read"]!);
            Assert.False((bool)(await ToolRun.JsonAsync(ask))["was_read"]!);
            string index = Assert.Single(Directory.GetFiles(cache.File(Path.Combine("home", "mamba", "documents")), "town-*"));

            // What lies there is the tool's own, whatever it looks like.
            await File.WriteAllTextAsync(index, "damaged");
            (await ToolRun.RunAsync(ask)).AssertFailed(1, "--refresh reads the document again");
            Assert.True((bool)(await ToolRun.JsonAsync([.. ask, "--refresh"]))["was_read"]!);
        }
        finally
        {
            Environment.SetEnvironmentVariable("XDG_CACHE_HOME", before);
        }
    }
}
