using MambaConnector.Documents.Indexing;
using MambaConnector.Documents.Tests.Support;

namespace MambaConnector.Documents.Tests.Indexing;

/// <summary>Indexes that others use or write too, and directories that are not only theirs.</summary>
public sealed class SharedIndexTests : IDisposable
{
    private static readonly DocumentIndexOptions _options = new() { SectionTokens = 256 };

    private readonly TemporaryFolder _folder = new();
    private readonly MambaModel _model = TinyModel.Load(template: ChatTemplate.ChatMl);
    private readonly string _book = Book.Create(2, 2);

    private string IndexPath => _folder["book.index"];

    private string Reading => IndexPath + ".reading";

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task WhatAnotherInstanceAppendedIsNotLost()
    {
        using DocumentIndex first = await ReadAsync();
        using DocumentIndex second = await ReadAsync();
        await first.AppendAsync(Book.Stream("One more.\n"));
        byte[] appended = File.ReadAllBytes(IndexPath);

        IOException exception = await Assert.ThrowsAsync<IOException>(() => second.AppendAsync(Book.Stream("Two more.\n")));

        Assert.Contains("open it again", exception.Message, StringComparison.Ordinal);
        Assert.Equal(appended, File.ReadAllBytes(IndexPath));
        Assert.Equal([IndexPath], Directory.GetFileSystemEntries(_folder.Path));
        second.OpenEnd().Dispose();
        using DocumentIndex again = DocumentIndex.Open(_model, IndexPath);
        await again.AppendAsync(Book.Stream("Two more.\n"));
        Assert.Equal("Two more.", again.GetBlocks(again.Sections.Count - 1)[^1]);
    }

    [Fact]
    public async Task AWholeIndexIsOpenedWhileAnotherReadsIntoIt()
    {
        (await ReadAsync()).Dispose();
        using (ReadingDirectory.Open(IndexPath))
        {
            using DocumentIndex index = await ReadAsync();
            await Assert.ThrowsAsync<IOException>(() => index.AppendAsync(Book.Stream("More.\n")));
        }

        Assert.Empty(Directory.GetFileSystemEntries(Reading));
    }

    [Fact]
    public async Task WhatOthersPutBesideTheIndexStays()
    {
        Directory.CreateDirectory(Reading);
        string[] names = ["notes.txt", "+7.state", "07.state", "2147483647.state", "a.state.b.tmp"];
        Array.ForEach(names, name => File.WriteAllText(Path.Combine(Reading, name), "mine"));
        File.WriteAllText(_folder["foreign"], "mine");
        File.CreateSymbolicLink(Path.Combine(Reading, "text"), _folder["foreign"]);
        File.CreateSymbolicLink(Path.Combine(Reading, "index"), _folder["foreign"]);

        using DocumentIndex index = await ReadAsync();

        Assert.Equal("mine", File.ReadAllText(_folder["foreign"]));
        Assert.Equal(names.Order(), Directory.GetFileSystemEntries(Reading).Select(Path.GetFileName).Order());
        Assert.Equal(_book.TrimEnd(), string.Join("\n\n", index.Sections.Select(section => index.GetText(section.Index))));
    }

    [Fact]
    public async Task ADirectoryThatIsALinkIsRefused()
    {
        Directory.CreateDirectory(_folder["foreign"]);
        File.WriteAllText(_folder["foreign/text"], "mine");
        Directory.CreateSymbolicLink(Reading, _folder["foreign"]);

        IOException exception = await Assert.ThrowsAsync<IOException>(ReadAsync);

        Assert.Contains("is a link", exception.Message, StringComparison.Ordinal);
        Assert.Equal("mine", File.ReadAllText(_folder["foreign/text"]));
        Assert.Single(Directory.GetFileSystemEntries(_folder["foreign"]));
    }

    [Fact]
    public async Task TheCallerSaysWhatSectionsMayTake()
    {
        (await ReadAsync()).Dispose();
        using DocumentIndex index = await DocumentIndex.ReadAsync(_model, Book.Stream(_book), IndexPath, _options with { MaxSectionBytes = 0 });
        index.OpenSection(0).Dispose();
        Assert.Equal([IndexPath], Directory.GetFileSystemEntries(_folder.Path));
    }

    private Task<DocumentIndex> ReadAsync() => DocumentIndex.ReadAsync(_model, Book.Stream(_book), IndexPath, _options);
}
