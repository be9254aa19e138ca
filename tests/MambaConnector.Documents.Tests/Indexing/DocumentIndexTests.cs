using MambaConnector.Documents.Responders;
using MambaConnector.Documents.Tests.Support;
using MambaConnector.Models;

namespace MambaConnector.Documents.Tests.Indexing;

/// <summary>What an index holds, and what is opened from it.</summary>
public sealed class DocumentIndexTests : IDisposable
{
    private static readonly DocumentIndexOptions _options = new() { SectionTokens = 256 };

    private readonly TemporaryFolder _folder = new();
    private readonly MambaModel _model = TinyModel.Load(template: ChatTemplate.ChatMl);

    private string IndexPath => _folder["book.index"];

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task ItHoldsSectionsTextsAndStates()
    {
        string book = Book.Create();
        Recorder progress = new();
        using DocumentIndex index = await DocumentIndex.ReadAsync(_model, Book.Stream(book), IndexPath, _options, progress);
        Assert.Equal(book.TrimEnd(), string.Join("\n\n", index.Sections.Select(section => index.GetText(section.Index))));
        Assert.Equal(
            ["CHAPTER 1", "CHAPTER 2", "CHAPTER 3", "CHAPTER 4"],
            index.Sections.Where(section => section.Part == 1).Select(section => section.Title));
        Assert.Contains(index.Sections, section => section is { Title: "CHAPTER 2", Part: 2, Level: 2 });
        Assert.All(index.Sections, section => Assert.InRange(section.TokenCount, 64, 400));
        long tokens = index.Prompt.Opening.Length;
        foreach (DocumentSection section in index.Sections)
        {
            Assert.Equal(tokens, section.TokenStart);
            tokens += index.GetTokens(section.Index).Length;
            Assert.Equal(tokens, section.TokenEnd);
            Assert.StartsWith(index.GetText(section.Index)[..9], Blocks.SourceOf(book, section.Start, section.End), StringComparison.Ordinal);
        }

        Assert.Equal(tokens, index.TokenCount);
        Assert.Equal(Book.Bytes(book).Length, index.Length);
        Assert.Equal(index.Sections.Count, progress.Reports.Count);
        Assert.Equal((tokens, index.Sections.Count), (progress.Reports[^1].Tokens, progress.Reports[^1].Sections));
        Assert.InRange(progress.Reports[^1].Percent!.Value, 99, 100);
        Assert.False(Directory.Exists(IndexPath + ".reading"));
        Assert.Equal([IndexPath], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData(1L << 30)]
    [InlineData(200_000)]
    [InlineData(0)]
    public async Task SessionsAreAsIfTheyHadReadTheText(long maxBytes)
    {
        DocumentIndexOptions options = _options with { MaxBytes = maxBytes };
        using DocumentIndex read = await DocumentIndex.ReadAsync(_model, Book.Stream(Book.Create()), IndexPath, options);
        using DocumentIndex index = DocumentIndex.Open(_model, IndexPath);
        using MambaSession session = _model.CreateSession();
        session.Append(index.Prompt.Opening);
        using MambaSession opening = session.Fork();
        foreach (DocumentSection section in index.Sections)
        {
            session.Append(index.GetTokens(section.Index));
            using MambaSession border = index.OpenBorder(section.Index);
            Assert.Equal(session.SaveState(), border.SaveState());
            Assert.Equal(section.TokenEnd, border.TokenCount);
            using MambaSession alone = opening.Fork();
            alone.Append(index.GetTokens(section.Index));
            for (int time = 0; time < 2; time++)
            {
                using MambaSession opened = index.OpenSection(section.Index);
                Assert.Equal(alone.SaveState(), opened.SaveState());
            }
        }

        using MambaSession end = index.OpenEnd();
        Assert.Equal(session.SaveState(), end.SaveState());
    }

    [Fact]
    public async Task StatesAreKeptWithinTheirBytes()
    {
        string book = Book.Create(6);
        long state = _model.CreateSession().StateBytes;
        foreach (int states in (int[])[1, 4])
        {
            string path = _folder[$"{states}.index"];
            using DocumentIndex index = await DocumentIndex.ReadAsync(
                _model, Book.Stream(book), path, _options with { MaxBytes = states * state, MaxSectionBytes = states * state });
            Assert.InRange(new FileInfo(path).Length, 1, (states * state) + 60_000);
            foreach (DocumentSection section in index.Sections)
            {
                index.OpenSection(section.Index).Dispose();
            }

            Assert.InRange(new DirectoryInfo(path + ".sections").EnumerateFiles().Sum(file => file.Length), 1, states * state);
        }
    }

    [Fact]
    public async Task AQuestionIsAskedBehindTheDocument()
    {
        using MambaModel model = Mamba2Chat.Load();
        using DocumentIndex index = await DocumentIndex.ReadAsync(model, Book.Stream("CHAPTER I\n\nMorris lost the box. He was sad.\n"), IndexPath);
        using MambaSession session = index.OpenEnd();
        GenerationOptions options = index.Prompt.EndReplies(new GenerationOptions { MaxTokens = 12, Temperature = 0 });
        List<string> reply = [];
        await foreach (GeneratedToken token in session.GenerateAsync(index.Prompt.Close("Who lost the box?"), options))
        {
            reply.Add(token.Text);
        }

        Assert.NotEqual("", string.Concat(reply).Trim());
        Assert.DoesNotContain("<|im", string.Concat(reply), StringComparison.Ordinal);
    }

    [Fact]
    public async Task NothingHasNoSections()
    {
        using DocumentIndex index = await DocumentIndex.ReadAsync(_model, Stream.Null, IndexPath, _options);
        using MambaSession end = index.OpenEnd();
        Assert.Empty(index.Sections);
        Assert.Equal(index.Prompt.Opening.Length, end.TokenCount);
        Assert.Throws<ArgumentOutOfRangeException>(() => index.GetText(0));
    }

    [Fact]
    public async Task WhatIsAppendedIsReadAlone()
    {
        string first = Book.Create(2);
        string second = "CHAPTER 3\n\nMore of it comes here.\n\n" + Book.Create(2);
        string third = "And a last line.\n";
        using DocumentIndex index = await DocumentIndex.ReadAsync(_model, Book.Stream(first), IndexPath, _options with { MaxBytes = 300_000 });
        Recorder progress = new();
        await index.AppendAsync(Book.Stream(second), progress);
        await index.AppendAsync(Book.Stream(third));
        Assert.Equal((first + second + third).TrimEnd(), string.Join("\n\n", index.Sections.Select(section => index.GetText(section.Index))));
        Assert.Equal("And a last line.", Blocks.SourceOf(first + second + third, index.Sections[^1].Start, index.Sections[^1].End));
        Assert.Equal((index.Sections[^2].Title, index.Sections[^2].Part + 1), (index.Sections[^1].Title, index.Sections[^1].Part));
        Assert.InRange(progress.Reports[0].Percent!.Value, 50, 70);
        await index.VerifyAsync(Book.Stream(first + second + third));
        await Assert.ThrowsAsync<DocumentChangedException>(() => index.VerifyAsync(Book.Stream(first + second)));

        using MambaSession session = _model.CreateSession();
        session.Append(index.Prompt.Opening);
        foreach (DocumentSection section in index.Sections)
        {
            session.Append(index.GetTokens(section.Index));
            using MambaSession border = index.OpenBorder(section.Index);
            Assert.Equal(session.SaveState(), border.SaveState());
        }

        using DocumentIndex again = DocumentIndex.Open(_model, IndexPath);
        Assert.Equal((index.Hash, index.TokenCount, index.Length), (again.Hash, again.TokenCount, again.Length));
    }

    [Fact]
    public async Task AnAppendThatFailsLeavesTheIndexAsItWas()
    {
        using DocumentIndex index = await DocumentIndex.ReadAsync(_model, Book.Stream(Book.Create(1)), IndexPath, _options);
        byte[] before = File.ReadAllBytes(IndexPath);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => index.AppendAsync(Book.Stream(Book.Create(2)), null, new CancellationToken(true)));
        Assert.Equal(before, File.ReadAllBytes(IndexPath));
        Assert.False(Directory.Exists(IndexPath + ".reading"));
        index.OpenEnd().Dispose();
    }

    [Fact]
    public async Task ThePolicyHoldsWhileItIsReadAndAfterwards()
    {
        LongContextPolicy policy = LongContextPolicy.RestartWindow(128);
        DocumentIndexOptions options = _options with { Policy = policy, Monitor = new CollapseMonitorOptions { IntervalTokens = 64 } };
        Recorder progress = new();
        using DocumentIndex index = await DocumentIndex.ReadAsync(_model, Book.Stream(Book.Create()), IndexPath, options, progress);
        Assert.Equal(policy, index.Policy);
        Assert.NotNull(progress.Reports[^1].Collapse);
        using MambaSession end = index.OpenEnd();
        using MambaSession border = index.OpenBorder(0);
        using MambaSession alone = index.OpenSection(1);
        Assert.All([end, border, alone], session => Assert.Equal(policy, session.Policy));
        Assert.True(end.TracksDecay);
    }

    [Fact]
    public async Task StatesOfOnePolicyAreNotTakenForThoseOfAnotherOfTheSameShape()
    {
        MambaModelInfo info = _model.Info;
        float[][] Caps(float cap) => [.. Enumerable.Range(0, info.LayerCount).Select(_ => Enumerable.Repeat(cap, info.HeadCount).ToArray())];
        DocumentIndexOptions one = _options with { Policy = LongContextPolicy.StateNorm(Caps(0.5f)) };
        DocumentIndexOptions other = _options with { Policy = LongContextPolicy.StateNorm(Caps(0.25f)) };
        Assert.Equal(one.Policy!.ToString(), other.Policy!.ToString());
        string book = Book.Create(2, 4);
        using DocumentIndex wanted = await DocumentIndex.ReadAsync(_model, Book.Stream(book), _folder["wanted.index"], other);
        using MambaSession wantedSection = wanted.OpenSection(0);

        // A reading with the one is stopped behind its first checkpoints.
        using CancellationTokenSource source = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => DocumentIndex.ReadAsync(
            _model, Book.Stream(book), IndexPath, one, new Stopper(source), source.Token));
        Assert.NotEmpty(Directory.GetFiles(IndexPath + ".reading", "*.state"));
        using (DocumentIndex index = await DocumentIndex.ReadAsync(_model, Book.Stream(book), IndexPath, other))
        {
            Assert.Equal(other.Policy, index.Policy);
            Assert.Equal(File.ReadAllBytes(wanted.Path), File.ReadAllBytes(IndexPath));
        }

        // A section's state of the one lies beside an index of the other.
        File.Delete(IndexPath);
        string identity;
        using (DocumentIndex first = await DocumentIndex.ReadAsync(_model, Book.Stream(book), IndexPath, one))
        {
            first.OpenSection(0).Dispose();
            identity = new StateResponder(first, 0).Identity!;
        }

        File.Copy(wanted.Path, IndexPath, overwrite: true);
        using DocumentIndex second = DocumentIndex.Open(_model, IndexPath);
        using MambaSession section = second.OpenSection(0);
        Assert.Equal(wantedSection.SaveState(), section.SaveState());
        Assert.NotEqual(identity, new StateResponder(second, 0).Identity);
        Assert.Equal(new StateResponder(wanted, 0).Identity, new StateResponder(second, 0).Identity);
    }

    [Fact]
    public async Task PreparedSectionsAreNotReadByAQuestion()
    {
        using DocumentIndex index = await DocumentIndex.ReadAsync(_model, Book.Stream(Book.Create(2)), IndexPath, _options);

        await index.PrepareSectionsAsync();

        long evaluated = _model.EngineInfo.TokensEvaluated;
        Assert.All(index.Sections, section => index.OpenSection(section.Index).Dispose());
        Assert.Equal(evaluated, _model.EngineInfo.TokensEvaluated);
    }

    [Fact]
    public async Task SectionsAreReadWhereTheirStatesCannotBeKept()
    {
        using DocumentIndex index = await DocumentIndex.ReadAsync(_model, Book.Stream(Book.Create(1)), IndexPath, _options);
        await File.WriteAllTextAsync(IndexPath + ".sections", "no directory");

        using MambaSession read = index.OpenSection(0);

        Assert.Equal(index.Prompt.Opening.Length + index.GetTokens(0).Length, read.TokenCount);
    }

    [Fact]
    public async Task WhatAKilledProcessLeftOfASectionsStateTakesNoRoom()
    {
        DocumentIndexOptions options = _options with { MaxSectionBytes = 1 << 20 };
        using DocumentIndex index = await DocumentIndex.ReadAsync(_model, Book.Stream(Book.Create(1)), IndexPath, options);
        string folder = Directory.CreateDirectory(IndexPath + ".sections").FullName;
        await File.WriteAllBytesAsync(Path.Combine(folder, "0.state.left.tmp"), new byte[1 << 20]);

        index.OpenSection(0).Dispose();

        Assert.Equal(["0.state"], Directory.GetFiles(folder).Select(Path.GetFileName));
    }

    [Fact]
    public async Task AllOfItIsDeleted()
    {
        using (DocumentIndex index = await DocumentIndex.ReadAsync(_model, Book.Stream(Book.Create(1)), IndexPath, _options))
        {
            index.OpenSection(0).Dispose();
        }

        Directory.CreateDirectory(IndexPath + ".reading");
        DocumentIndex.Delete(IndexPath);
        DocumentIndex.Delete(IndexPath);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    private sealed class Stopper(CancellationTokenSource source) : IProgress<DocumentProgress>
    {
        public void Report(DocumentProgress value)
        {
            if (value.Sections == 3)
            {
                source.Cancel();
            }
        }
    }

    private sealed class Recorder : IProgress<DocumentProgress>
    {
        public List<DocumentProgress> Reports { get; } = [];

        public void Report(DocumentProgress value) => Reports.Add(value);
    }
}
