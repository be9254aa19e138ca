using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.EndToEnd;

/// <summary>The managed API over the native library, on small models of random weights.</summary>
public sealed class NativeModelTests : IDisposable
{
    private static readonly GenerationOptions Greedy = new() { Temperature = 0, MaxTokens = 12 };

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mamba-model-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [InlineData(MambaArchitecture.Mamba1)]
    [InlineData(MambaArchitecture.Mamba2)]
    public async Task GeneratesForksSavesAndLoads(MambaArchitecture architecture)
    {
        using MambaModel model = Create(architecture);
        Assert.Equal((architecture, 2, 32), (model.Info.Architecture, model.Info.LayerCount, model.Info.DModel));
        Assert.Equal("cpu", model.EngineInfo.Device);
        using MambaSession session = model.CreateSession();
        session.Append(Tokens(40));
        using MambaSession fork = session.Fork();
        using MemoryStream stream = new();
        await session.SaveAsync(stream);
        stream.Position = 0;
        using MambaSession loaded = model.LoadSession(stream);

        IEnumerable<int> expected = (await Steps.CollectAsync(session.GenerateAsync(Greedy))).All.Select(step => step.Id);
        Assert.Equal(52, session.TokenCount);
        Assert.Equal(expected, (await Steps.CollectAsync(fork.GenerateAsync(Greedy))).All.Select(step => step.Id));
        Assert.Equal(expected, (await Steps.CollectAsync(loaded.GenerateAsync(Greedy))).All.Select(step => step.Id));
        Assert.Equal(session.TokenHash, loaded.TokenHash);
        Assert.Equal(session.GetLogits(), loaded.GetLogits());
    }

    [Fact]
    public void LogitsAreTheSameAtOnceAndAgain()
    {
        using MambaModel model = Create(MambaArchitecture.Mamba2);
        using MambaSession session = model.CreateSession();
        int width = model.Info.PaddedVocabSize;
        float[] rows = new float[5 * width];
        session.EvaluateLogits(Tokens(5), rows);
        Assert.Equal(rows[^width..], session.GetLogits());
        Assert.All(rows, value => Assert.True(float.IsFinite(value)));
    }

    [Fact]
    public void ABatchGivesEachSessionItsOwnLogits()
    {
        using MambaModel model = Create(MambaArchitecture.Mamba2);
        using MambaSession first = model.CreateSession();
        using MambaSession second = model.CreateSession();
        first.Append(Tokens(3));
        second.Append(Tokens(9));
        using MambaSession alone = second.Fork();
        int width = model.Info.PaddedVocabSize;
        float[] batch = new float[2 * width];
        float[] row = new float[width];
        model.DecodeBatch([first, second], [1, 2], batch);
        model.DecodeBatch([alone], [2], row);
        Assert.Equal(row, batch[width..]);
    }

    [Theory]
    [InlineData(MambaArchitecture.Mamba1)]
    [InlineData(MambaArchitecture.Mamba2)]
    public void ABatchOfTextsReadsEachAsItWouldBeReadAlone(MambaArchitecture architecture)
    {
        using MambaModel model = Create(architecture);
        using MambaSession first = model.CreateSession();
        using MambaSession second = model.CreateSession();
        second.Append(Tokens(70));
        using MambaSession alone = second.Fork();
        int width = model.Info.PaddedVocabSize;
        float[] batch = new float[2 * width];

        model.EvaluateBatch([first, second], [Tokens(1), Tokens(30)], batch);
        alone.Append(Tokens(30));

        Assert.Equal((1L, 100L), (first.TokenCount, second.TokenCount));
        Assert.Equal(alone.TokenHash, second.TokenHash);
        Assert.Equal(alone.GetLogits(), batch[width..]);
        Assert.Equal(first.GetLogits(), batch[..width]);
    }

    [Fact]
    public async Task ALongAppendCanBeCancelled()
    {
        using MambaModel model = Create(MambaArchitecture.Mamba2);
        using MambaSession session = model.CreateSession();
        session.Append(Tokens(10));
        ulong hash = session.TokenHash;
        float[] logits = session.GetLogits();
        using CancellationTokenSource source = new();

        // Seconds of work in two thousand slices; the wish to stop comes from this thread as soon as a slice of it is done.
        long evaluated = model.EngineInfo.TokensEvaluated;
        Task append = session.AppendAsync(Tokens(1_000_000), source.Token);
        SpinWait.SpinUntil(() => append.IsCompleted || model.EngineInfo.TokensEvaluated > evaluated);
        source.Cancel();
        var exception = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => append);
        Assert.Equal(source.Token, exception.CancellationToken);
        Assert.InRange(model.EngineInfo.TokensEvaluated - evaluated, 1, 999_999);
        Assert.Equal(hash, session.TokenHash);
        Assert.Equal(logits, session.GetLogits());
    }

    [Fact]
    public async Task AModelThatWasSavedContinuesAlike()
    {
        using MambaModel model = Create(MambaArchitecture.Mamba2);
        string path = Path.Combine(_directory.FullName, "model.gguf");
        List<double> progress = [];
        model.Save(path, progress: new Progress(progress));
        Assert.Equal(1, progress[^1]);
        using MambaModel loaded = MambaModel.Load(path, new MambaModelOptions { ThreadCount = 1 });
        Assert.Equal(model.Info.ParameterCount, loaded.Info.ParameterCount);
        Assert.False(loaded.HasTokenizer);
        using MambaSession session = model.CreateSession();
        using MambaSession other = loaded.CreateSession();
        Steps expected = await Steps.CollectAsync(session.GenerateAsync(Tokens(5), Greedy));
        Assert.Equal(expected.All, (await Steps.CollectAsync(other.GenerateAsync(Tokens(5), Greedy))).All);
    }

    [Fact]
    public void AFileIsDescribedAsTheModelThatWroteIt()
    {
        using MambaModel model = Create(MambaArchitecture.Mamba1);
        string path = Path.Combine(_directory.FullName, "described.gguf");
        model.Save(path);
        MambaModelDescription description = MambaModel.Inspect(path);
        Assert.Equal(model.Info, description.Info);
        Assert.Equal(model.Name, description.Name);
        Assert.Equal(model.Metadata.GetString("general.architecture"), description.Metadata.GetString("general.architecture"));
        Assert.False(description.HasTokenizer);
        Assert.Null(description.ChatTemplate);
        Assert.Empty(description.GenerationDefaults.EndTokenIds);
        File.Delete(path);
        Assert.Throws<FileNotFoundException>(() => MambaModel.Inspect(path));
    }

    [Fact]
    public void ASaveThatIsCancelledLeavesNoFile()
    {
        using MambaModel model = Create(MambaArchitecture.Mamba2);
        using CancellationTokenSource source = new();
        source.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(
            () => model.Save(Path.Combine(_directory.FullName, "model.gguf"), cancellationToken: source.Token));
        Assert.Empty(_directory.GetFiles());
    }

    [Fact]
    public void AStateOfAnotherModelIsRefused()
    {
        using MambaModel model = Create(MambaArchitecture.Mamba2);
        using MambaModel other = Create(MambaArchitecture.Mamba1);
        using MambaSession session = model.CreateSession();
        using MemoryStream stream = new();
        session.Save(stream);
        stream.Position = 0;
        Assert.Throws<MambaStateMismatchException>(() => other.LoadSession(stream));
    }

    [Fact]
    public void AMissingModelIsNamed()
    {
        string path = Path.Combine(_directory.FullName, "missing.gguf");
        Assert.Contains(path, Assert.Throws<FileNotFoundException>(() => MambaModel.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ADeviceThatIsNotThereIsAnError() =>
        Assert.Throws<MambaDeviceException>(
            () => MambaModel.CreateRandom(SmallShape.Of(MambaArchitecture.Mamba2), new MambaModelOptions { Device = "cuda:99" }));

    [Fact]
    public void TheFirstDeviceIsTheCpu()
    {
        MambaDevice first = MambaModel.GetDevices()[0];
        Assert.Equal(("cpu", true), (first.Id, first.IsUsable));
        Assert.NotEmpty(first.Name);
        Assert.True(first.MemoryBytes > 0);
    }

    [Fact]
    public void SessionsOutliveTheirModel()
    {
        MambaModel model = Create(MambaArchitecture.Mamba2);
        using MambaSession session = model.CreateSession();
        session.Append(Tokens(3));
        model.Dispose();
        using MambaSession fork = session.Fork();
        Assert.Equal(3, fork.TokenCount);
    }

    private static MambaModel Create(MambaArchitecture architecture) =>
        MambaModel.CreateRandom(SmallShape.Of(architecture), new MambaModelOptions { ThreadCount = 1 });

    private static int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(index => (index * 37) % 100)];

    private sealed class Progress(List<double> values) : IProgress<double>
    {
        public void Report(double value) => values.Add(value);
    }
}
