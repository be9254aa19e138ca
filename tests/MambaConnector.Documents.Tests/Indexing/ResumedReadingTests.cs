using System.Diagnostics;
using MambaConnector.Documents.Tests.Support;

namespace MambaConnector.Documents.Tests.Indexing;

/// <summary>Readings that were stopped: the index is the same in the end, byte for byte.</summary>
public sealed class ResumedReadingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly MambaModel _model = TinyModel.Load(template: ChatTemplate.ChatMl);

    private string IndexPath => _folder["book.index"];

    private string Reading => IndexPath + ".reading";

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(1L << 30, "none")]
    [InlineData(250_000, "none")]
    [InlineData(0, "window:128")]
    public async Task StoppedBehindEachSection(long maxBytes, string policy)
    {
        DocumentIndexOptions options = ReadingProcess.Options with { MaxBytes = maxBytes, Policy = LongContextPolicy.Parse(policy) };
        string book = Book.Create();
        byte[] expected = await ReadWholeAsync(book, options);
        foreach (int sections in (int[])[1, 4, 7])
        {
            DocumentIndex.Delete(IndexPath);
            long resumedAt = await StopAsync(book, options, sections);
            Assert.True(Directory.GetFiles(Reading, "*.state").Length > 0);
            (byte[] bytes, long read) = await FinishAsync(book, options);
            Assert.Equal(expected, bytes);
            Assert.True(read >= resumedAt, $"{read} tokens were known of {resumedAt}");
        }
    }

    [Fact]
    public async Task StoppedWhileFilesWereWritten()
    {
        string book = Book.Create(3, 4);
        byte[] expected = await ReadWholeAsync(book, ReadingProcess.Options);
        DocumentIndex.Delete(IndexPath);
        await StopAsync(book, ReadingProcess.Options, 4);
        Dictionary<string, byte[]> left = Directory.GetFiles(Reading).ToDictionary(file => file, File.ReadAllBytes);
        string newest = Directory.GetFiles(Reading, "*.state").MaxBy(file => int.Parse(Path.GetFileNameWithoutExtension(file)))!;
        foreach ((string file, byte[] content) in left)
        {
            foreach (int length in (int[])[0, 60, content.Length - 1])
            {
                await DamagedAsync(file, content[..Math.Clamp(length, 0, content.Length)]);
            }
        }

        for (int place = 0; place < left[newest].Length; place += left[newest].Length / 5)
        {
            byte[] flipped = [.. left[newest]];
            flipped[place] ^= 0x10;
            await DamagedAsync(newest, flipped);
        }

        async Task DamagedAsync(string damaged, byte[] damage)
        {
            DocumentIndex.Delete(IndexPath);
            Directory.CreateDirectory(Reading);
            foreach ((string file, byte[] content) in left)
            {
                File.WriteAllBytes(file, file == damaged ? damage : content);
            }

            Assert.Equal(expected, (await FinishAsync(book, ReadingProcess.Options)).Bytes);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(7)]
    public async Task BehindADamagedCheckpointTheOneBeforeIsTakenUp(int sections)
    {
        // Three states fit: every second, then every fourth checkpoint stays, and those between have gone when the damage is seen.
        using MambaSession session = _model.CreateSession();
        DocumentIndexOptions options = ReadingProcess.Options with { MaxBytes = 3 * session.StateBytes };
        string book = Book.Create(6, 4);
        byte[] expected = await ReadWholeAsync(book, options);
        DocumentIndex.Delete(IndexPath);
        await StopAsync(book, options, sections);
        int[] numbers = [.. Directory.GetFiles(Reading, "*.state").Select(file => int.Parse(Path.GetFileNameWithoutExtension(file))).Order()];
        File.WriteAllBytes(Path.Combine(Reading, $"{numbers[^1]}.state"), []);

        (byte[] bytes, long known) = await FinishAsync(book, options);

        Assert.Equal(expected, bytes);
        Assert.Equal(numbers.Length > 1, known > 0);
    }

    [Fact]
    public async Task KilledAsAProcess()
    {
        string book = Book.Create(6, 6);
        byte[] expected = await ReadWholeAsync(book, ReadingProcess.Options);
        DocumentIndex.Delete(IndexPath);
        File.WriteAllText(_folder["book.txt"], book);
        using (Process process = ReadingProcess.Start(_folder["book.txt"], IndexPath))
        {
            for (int sections = 0; sections < 5; sections++)
            {
                Assert.NotNull(await process.StandardOutput.ReadLineAsync());
            }

            process.Kill();
            await process.WaitForExitAsync();
        }

        Assert.False(File.Exists(IndexPath));
        (byte[] bytes, long read) = await FinishAsync(book, ReadingProcess.Options);
        Assert.Equal(expected, bytes);
        Assert.True(read > 1000);
    }

    [Fact]
    public async Task AnotherDocumentIsRefused()
    {
        string book = Book.Create();
        await StopAsync(book, ReadingProcess.Options, 4);
        foreach (string other in (string[])[book.Replace("Paragraph 2", "Paragraph II", StringComparison.Ordinal), book[..600]])
        {
            DocumentChangedException exception = await Assert.ThrowsAsync<DocumentChangedException>(
                () => DocumentIndex.ReadAsync(_model, Book.Stream(other), IndexPath, ReadingProcess.Options));
            Assert.Contains($"delete the directory '{Reading}'", exception.Message, StringComparison.Ordinal);
        }

        await FinishAsync(book, ReadingProcess.Options);
    }

    [Fact]
    public async Task OtherSectionsOfTheSameTokensAreAnotherDocument()
    {
        // Chapters of 32 tokens: a section each below headings of level 1, two of them below those of level 3.
        string book = string.Concat(Enumerable.Range(10, 20).Select(chapter => $"# C{chapter}\n\n{new string('a', 24)}.\n\n"));
        DocumentIndexOptions options = ReadingProcess.Options with { Format = DocumentFormat.Markdown };
        await StopAsync(book, options, 10);
        string other = book.Replace("# ", "### ", StringComparison.Ordinal);
        await Assert.ThrowsAsync<DocumentChangedException>(() => DocumentIndex.ReadAsync(_model, Book.Stream(other), IndexPath, options));
        await FinishAsync(book, options);
    }

    [Fact]
    public async Task OtherOptionsBeginAnew()
    {
        string book = Book.Create();
        DocumentIndexOptions other = ReadingProcess.Options with { SectionTokens = 300 };
        byte[] expected = await ReadWholeAsync(book, other);
        DocumentIndex.Delete(IndexPath);
        await StopAsync(book, ReadingProcess.Options, 4);
        (byte[] bytes, long read) = await FinishAsync(book, other);
        Assert.Equal(expected, bytes);
        Assert.Equal(0, read);
    }

    [Fact]
    public async Task AMonitorThatActsBeginsAnew()
    {
        string book = Book.Create();
        DocumentIndexOptions options = ReadingProcess.Options with
        {
            Monitor = new CollapseMonitorOptions { IntervalTokens = 64, Action = CollapseAction.SwitchPolicy(LongContextPolicy.RestartWindow(128)) },
        };
        byte[] expected = await ReadWholeAsync(book, options);
        DocumentIndex.Delete(IndexPath);
        await StopAsync(book, options, 4);
        (byte[] bytes, long read) = await FinishAsync(book, options);
        Assert.Equal(expected, bytes);
        Assert.Equal(0, read);
    }

    [Fact]
    public async Task OneProcessReadsIntoAnIndex()
    {
        using Gate gate = new(Book.Bytes(Book.Create()));
        Task<DocumentIndex> first = DocumentIndex.ReadAsync(_model, gate, IndexPath, ReadingProcess.Options);
        IOException exception = await Assert.ThrowsAsync<IOException>(
            () => DocumentIndex.ReadAsync(_model, Book.Stream("x"), IndexPath, ReadingProcess.Options));
        Assert.Contains("Another process", exception.Message, StringComparison.Ordinal);
        gate.Open();
        (await first).Dispose();
    }

    private async Task<byte[]> ReadWholeAsync(string book, DocumentIndexOptions options)
    {
        using DocumentIndex index = await DocumentIndex.ReadAsync(_model, Book.Stream(book), IndexPath, options);
        return File.ReadAllBytes(IndexPath);
    }

    /// <returns>Tokens that were read to the last checkpoint at least.</returns>
    private async Task<long> StopAsync(string book, DocumentIndexOptions options, int sections)
    {
        using CancellationTokenSource source = new();
        Told told = new(progress =>
        {
            if (progress.Sections == sections)
            {
                source.Cancel();
            }
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => DocumentIndex.ReadAsync(_model, Book.Stream(book), IndexPath, options, told, source.Token));
        return told.Last!.Tokens - 400;
    }

    /// <returns>The index, and how many tokens an earlier reading had read of it.</returns>
    private async Task<(byte[] Bytes, long Known)> FinishAsync(string book, DocumentIndexOptions options)
    {
        long known = 0;
        Told told = new(progress => known = progress.TokensPerSecond == 0 ? progress.Tokens : known);
        using DocumentIndex index = await DocumentIndex.ReadAsync(_model, Book.Stream(book), IndexPath, options, told);
        Assert.False(Directory.Exists(Reading));
        return (File.ReadAllBytes(IndexPath), known);
    }

    private sealed class Told(Action<DocumentProgress> action) : IProgress<DocumentProgress>
    {
        public DocumentProgress? Last { get; private set; }

        public void Report(DocumentProgress value)
        {
            Last = value;
            action(value);
        }
    }

    /// <summary>A document that waits.</summary>
    private sealed class Gate(byte[] bytes) : MemoryStream(bytes)
    {
        private readonly TaskCompletionSource _source = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Open() => _source.SetResult();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await _source.Task;
            return await base.ReadAsync(buffer, cancellationToken);
        }
    }
}
