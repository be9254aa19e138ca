using MambaConnector.Documents.Indexing;
using MambaConnector.Documents.Tests.Support;
using Microsoft.Win32.SafeHandles;

namespace MambaConnector.Documents.Tests.Indexing;

/// <summary>Indexes that do not fit: each is refused with a sentence, and stays as it is.</summary>
public sealed class DamagedIndexTests : IDisposable
{
    private static readonly DocumentIndexOptions _options = new() { SectionTokens = 256 };

    private readonly TemporaryFolder _folder = new();
    private readonly MambaModel _model = TinyModel.Load(template: ChatTemplate.ChatMl);
    private readonly string _book = Book.Create(2, 4);

    private string IndexPath => _folder["book.index"];

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task CutOrFlippedAnywhere()
    {
        byte[] index = await WriteAsync();
        Random random = new(1);
        IEnumerable<int> places =
        [
            .. Enumerable.Range(0, 12), .. Enumerable.Range(index.Length - 64, 64), .. Enumerable.Range(0, 60).Select(_ => random.Next(index.Length)),
        ];
        foreach (int place in places)
        {
            byte[] flipped = [.. index];
            flipped[place] ^= (byte)(1 << random.Next(8));
            AssertRefused(flipped);
            AssertRefused(index[..place]);
        }
    }

    [Fact]
    public async Task MadeByAnyone()
    {
        byte[] index = await WriteAsync();
        IndexDirectory directory;
        using (SafeFileHandle file = File.OpenHandle(IndexPath))
        {
            directory = IndexFile.ReadDirectory(file, IndexPath);
        }

        SectionEntry first = directory.Sections[0];
        IndexDirectory[] wrong =
        [
            directory with { Parts = [null!] }, directory with { Parts = [new DocumentPart(-1, directory.Parts[0].Hash)] },
            directory with { Parts = [new DocumentPart(long.MaxValue, directory.Parts[0].Hash), .. directory.Parts] },
            directory with { Parts = [directory.Parts[0] with { Hash = "" }] },
            directory with { Sections = [null!, .. directory.Sections.Skip(1)] }, WithSection(first.Section with { Level = -7 }),
            WithSection(first.Section with { TokenEnd = first.Section.TokenEnd + 1 }), WithSection(first.Section with { Start = -1 }),
            WithSection(first.Section with { End = 1L << 40 }), directory with { States = [null!, .. directory.States] }, directory with { MaxSectionBytes = -1 },
            directory with { Identity = directory.Identity with { SectionTokens = 0 } },
            directory with { Identity = directory.Identity with { Format = (DocumentFormat)9 } },
        ];
        foreach (IndexDirectory made in wrong)
        {
            AssertRefused(With(made));
        }

        File.WriteAllBytes(IndexPath, With(directory));
        DocumentIndex.Open(_model, IndexPath).Dispose();

        IndexDirectory WithSection(DocumentSection section) =>
            directory with { Sections = [first with { Section = section }, .. directory.Sections.Skip(1)] };

        byte[] With(IndexDirectory made)
        {
            using MemoryStream stream = new();
            StateEntry last = directory.States[^1];
            stream.Write(index, 0, (int)last.Offset + last.Length);
            IndexFile.End(stream, made);
            return stream.ToArray();
        }
    }

    [Fact]
    public async Task OfALaterVersion()
    {
        byte[] index = await WriteAsync();
        index[8] = 2;
        File.WriteAllBytes(IndexPath, index);
        MambaFormatException exception = Assert.Throws<MambaFormatException>(() => DocumentIndex.Open(_model, IndexPath));
        Assert.Contains("version 2", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OfAnotherModelOrTemplate()
    {
        byte[] index = await WriteAsync();
        using MambaModel other = TinyModel.Load(template: ChatTemplate.ChatMl, name: "mamba1");
        Assert.Contains("another model", Refused(other), StringComparison.Ordinal);
        using MambaModel plain = TinyModel.Load();
        Assert.Contains("template", Refused(plain), StringComparison.Ordinal);
        Assert.Equal(index, File.ReadAllBytes(IndexPath));

        string Refused(MambaModel model) => Assert.Throws<MambaStateMismatchException>(() => DocumentIndex.Open(model, IndexPath)).Message;
    }

    [Fact]
    public async Task OfAnotherDocumentOrOtherOptions()
    {
        byte[] index = await WriteAsync();
        string other = _book.Replace("chapter 2", "chapter 7", StringComparison.Ordinal);
        Assert.Contains("is another", (await RefusedAsync<DocumentChangedException>(other, _options)).Message, StringComparison.Ordinal);
        Assert.Contains("is shorter", (await RefusedAsync<DocumentChangedException>(_book[..^9], _options)).Message, StringComparison.Ordinal);
        Assert.Contains("AppendAsync", (await RefusedAsync<DocumentChangedException>(_book + "x", _options)).Message, StringComparison.Ordinal);
        await RefusedAsync<MambaStateMismatchException>(_book, _options with { SectionTokens = 500 });
        await RefusedAsync<MambaStateMismatchException>(_book, _options with { Policy = LongContextPolicy.RestartWindow(64) });
        await RefusedAsync<MambaStateMismatchException>(_book, _options with { Prompt = new DocumentPromptOptions { Introduction = "Learn:" } });
        using DocumentIndex same = await DocumentIndex.ReadAsync(_model, Book.Stream(_book), IndexPath, _options);
        Assert.Equal(index, File.ReadAllBytes(IndexPath));
        Assert.Equal([IndexPath], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task StatesOfSectionsThatAreDamagedAreReadAgain()
    {
        using DocumentIndex index = await DocumentIndex.ReadAsync(_model, Book.Stream(_book), IndexPath, _options);
        byte[] expected;
        using (MambaSession session = index.OpenSection(0))
        {
            expected = session.SaveState();
        }

        string file = Path.Combine(IndexPath + ".sections", "0.state");
        byte[] state = File.ReadAllBytes(file);
        state[^100] ^= 1;
        foreach (byte[] damage in (byte[][])[state, state[..^1], []])
        {
            File.WriteAllBytes(file, damage);
            using MambaSession session = index.OpenSection(0);
            Assert.Equal(expected, session.SaveState());
        }
    }

    [Fact]
    public async Task PathsAndOptionsAreChecked()
    {
        Assert.Throws<FileNotFoundException>(() => DocumentIndex.Open(_model, IndexPath));
        await Assert.ThrowsAsync<DirectoryNotFoundException>(() => DocumentIndex.ReadAsync(_model, Stream.Null, _folder["no/where"], _options));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => ReadAsync(_options with { SectionTokens = 63 }));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => ReadAsync(_options with { MaxBytes = -1 }));
        await Assert.ThrowsAsync<ArgumentException>(() => ReadAsync(_options with { Policy = LongContextPolicy.DeltaScale(1, 2) }));
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));

        Task<DocumentIndex> ReadAsync(DocumentIndexOptions options) => DocumentIndex.ReadAsync(_model, Stream.Null, IndexPath, options);
    }

    private async Task<byte[]> WriteAsync()
    {
        using DocumentIndex index = await DocumentIndex.ReadAsync(_model, Book.Stream(_book), IndexPath, _options);
        return File.ReadAllBytes(IndexPath);
    }

    private async Task<T> RefusedAsync<T>(string document, DocumentIndexOptions options)
        where T : Exception
    {
        T exception = await Assert.ThrowsAsync<T>(() => DocumentIndex.ReadAsync(_model, Book.Stream(document), IndexPath, options));
        Assert.Contains(IndexPath, exception.Message, StringComparison.Ordinal);
        return exception;
    }

    private void AssertRefused(byte[] file)
    {
        File.WriteAllBytes(IndexPath, file);
        MambaFormatException exception = Assert.Throws<MambaFormatException>(ReadAll);
        Assert.Contains(IndexPath, exception.Message, StringComparison.Ordinal);
    }

    private void ReadAll()
    {
        using DocumentIndex index = DocumentIndex.Open(_model, IndexPath);
        foreach (DocumentSection section in index.Sections)
        {
            index.GetText(section.Index);
            index.OpenBorder(section.Index).Dispose();
        }
    }
}
