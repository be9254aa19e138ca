using MambaConnector.Tests.Support;
using MambaConnector.Tests.Telemetry;
using Microsoft.Extensions.Logging;

namespace MambaConnector.Tests.LongContext;

/// <summary>A monitor on sessions of a scripted model, whose state has the norm that a test says.</summary>
public sealed class CollapseMonitorTests : IDisposable
{
    private const int TrainingLength = 256;

    // As the session is at the training length, where its norm is its length.
    private static readonly StateBaseline Baseline = new(
        "scripted", TrainingLength, TrainingLength, "made", [new LayerBaseline([256], [256 * 256 / 2], [256 / 1.5f])]);

    private static readonly CollapseMonitorOptions Often = new() { IntervalTokens = 64, TrainingLength = TrainingLength, Baseline = Baseline };

    private readonly ScriptedBackend _backend = new(history => TestTokenizer.FirstByte + (history.Count % 26) + 'a', TestTokenizer.VocabSize);
    private readonly MambaModel _model;
    private readonly MambaSession _session;

    public CollapseMonitorTests()
    {
        // Grows with the text, and is small with a policy.
        _backend.Norm = (tokens, policy) => policy == LongContextPolicy.None ? tokens.Count : 1;
        _model = TestModel.Create(_backend, name: nameof(CollapseMonitorTests)); // whose metrics are told from those of other tests by it
        _session = _model.CreateSession();
    }

    public void Dispose()
    {
        _session.Dispose();
        _model.Dispose();
    }

    [Fact]
    public void MeasuresWhereTheIntervalEndsHoweverTheTextIsRead()
    {
        using CollapseMonitor monitor = Watch(Often);
        List<long> seen = [];
        monitor.StateMeasured += (_, measured) =>
        {
            Assert.Equal(measured.Report.Position, measured.Statistics.Position);
            Assert.Equal(measured.Report.Position, measured.Statistics[0, 0].Norm);
            seen.Add(measured.Report.Position);
        };
        _session.Append(Tokens(10));
        _session.Append(Tokens(54));
        _session.Append(Tokens(200));
        _session.EvaluateLogits(Tokens(100), new float[100 * _model.Info.PaddedVocabSize]);
        Assert.Equal([64, 128, 192, 256, 320], seen);
        Assert.Equal(seen, monitor.History.Select(report => report.Position));
        Assert.Equal(320, monitor.Report!.Value.Position);
        Assert.Equal(364, _session.TokenCount);
        Assert.True(_session.TracksDecay);
    }

    [Fact]
    public void LogitsAreThoseOfAnInputInOnePiece()
    {
        using CollapseMonitor monitor = Watch(Often);
        using MambaSession plain = _model.CreateSession();
        float[] watched = new float[200 * _model.Info.PaddedVocabSize];
        float[] expected = new float[watched.Length];
        _session.EvaluateLogits(Tokens(200), watched);
        plain.EvaluateLogits(Tokens(200), expected);
        Assert.Equal(expected, watched);
        Assert.Equal(plain.TokenHash, _session.TokenHash);
    }

    [Fact]
    public async Task WatchesGenerationsAndBatches()
    {
        using CollapseMonitor monitor = Watch(Often);
        await foreach (GeneratedToken token in _session.GenerateAsync(Tokens(60), new GenerationOptions { Temperature = 0, MaxTokens = 100 }))
        {
            Assert.True(token.Id > 0);
        }

        Assert.Equal([64, 128], monitor.History.Select(report => report.Position));
        long at = _session.TokenCount;
        float[] logits = new float[_model.Info.PaddedVocabSize];
        for (; at < 192; at++)
        {
            _model.DecodeBatch([_session], [TestTokenizer.FirstByte], logits);
        }

        Assert.Equal([64, 128, 192], monitor.History.Select(report => report.Position));
    }

    [Fact]
    public void ALevelThatChangesIsAnEventALogLineAndACount()
    {
        using RecordedTelemetry recorded = new(_model.Name);
        RecordedLog log = new();
        using CollapseMonitor monitor = Watch(Often, log);
        List<(CollapseLevel, CollapseLevel, long)> changes = [];
        monitor.LevelChanged += (_, change) => changes.Add((change.Previous, change.Report.Level, change.Report.Position));
        float scale = 1;
        _backend.Norm = (tokens, _) => 256 * (tokens.Count <= TrainingLength ? 1 : scale);
        _session.Append(Tokens(320));
        scale = 3;
        _session.Append(Tokens(128));
        scale = 5;
        _session.Append(Tokens(64));
        scale = 1;
        _session.Append(Tokens(64));

        Assert.Equal(
            [
                (CollapseLevel.Healthy, CollapseLevel.Watch, 384L), (CollapseLevel.Watch, CollapseLevel.Collapsing, 512L),
                (CollapseLevel.Collapsing, CollapseLevel.Healthy, 576L),
            ],
            changes);
        Assert.Equal(
            [(LogLevel.Information, 3), (LogLevel.Warning, 1), (LogLevel.Warning, 1), (LogLevel.Information, 2)],
            log.Lines.Select(line => (line.Level, line.Id)));
        Assert.All(log.Lines, line => Assert.Equal("MambaConnector.CollapseMonitor", line.Category));
        Assert.Contains("5 times its healthy largest", log.Lines[2].Text, StringComparison.Ordinal);
        Assert.Equal([1.0], recorded.Values("mamba.state.level_changes", "mamba.state.level", "collapsing"));
        Assert.Equal([1.0], recorded.Values("mamba.state.level_changes", "mamba.state.level", "watch"));
        Assert.Equal([1, 1, 1, 1, 1, 3, 3, 5, 1], recorded.Values("mamba.state.norm_ratio"));
    }

    [Fact]
    public void ToDoNothingLogsNothing()
    {
        RecordedLog log = new();
        using CollapseMonitor monitor = Watch(Often with { Action = CollapseAction.None }, log);
        _session.Append(Tokens(2048));
        Assert.Equal(CollapseLevel.Collapsing, monitor.Report!.Value.Level);
        Assert.Empty(log.Lines);
    }

    [Fact]
    public void SwitchesThePolicyOnceTheStateCollapses()
    {
        RecordedLog log = new();
        LongContextPolicy window = LongContextPolicy.RestartWindow(128);
        using CollapseMonitor monitor = Watch(Often with { Action = CollapseAction.SwitchPolicy(window) }, log);
        List<LongContextPolicy> set = [];
        _backend.SettingPolicy = set.Add;
        _session.Append(Tokens(768));
        Assert.Equal(LongContextPolicy.None, _session.Policy);
        _session.Append(Tokens(1024));

        // 832 is the first multiple of 64 whose square is more than 10 times that of 256.
        Assert.Equal(window, _session.Policy);
        Assert.Equal([window], set);
        Assert.Equal(CollapseLevel.Collapsing, monitor.History.Single(report => report.Position == 832).Level);
        Assert.All(monitor.History.Where(report => report.Position > 832), report => Assert.Equal(CollapseLevel.Healthy, report.Level));
        Assert.Contains("window:128", log.Lines.Single(line => line.Id == 4).Text, StringComparison.Ordinal);
    }

    [Fact]
    public void BeginsAnewWithATextOnceTheStateCollapses()
    {
        using CollapseMonitor monitor = Watch(Often with { Action = CollapseAction.ResetAndReinject("so far") });
        _session.Append(Tokens(832 + 30));
        using MambaSession expected = _model.CreateSession();
        expected.Append("so far");
        expected.Append(Tokens(832 + 30).AsSpan(832));
        Assert.Equal(expected.TokenHash, _session.TokenHash);
    }

    [Fact]
    public async Task InAGenerationItBeginsAnewAtItsEnd()
    {
        using CollapseMonitor monitor = Watch(Often with { Action = CollapseAction.ResetAndReinject("so far") });
        _session.Append(Tokens(820));
        int steps = 0;
        await foreach (GeneratedToken token in _session.GenerateAsync(new GenerationOptions { Temperature = 0, MaxTokens = 20 }))
        {
            steps++;
        }

        using MambaSession expected = _model.CreateSession();
        expected.Append("so far");
        Assert.Equal(20, steps);
        Assert.Equal(expected.TokenHash, _session.TokenHash);
    }

    [Fact]
    public void AnInputThatFailsOnItsWayLeavesTheSessionAsItWas()
    {
        using CollapseMonitor monitor = Watch(Often with { Action = CollapseAction.SwitchPolicy(LongContextPolicy.RestartWindow(128)) });
        _session.Append(Tokens(10));
        ulong hash = _session.TokenHash;
        int live = _backend.LiveSessions;
        int evaluations = 0;
        _backend.Evaluating = _ =>
        {
            if (++evaluations == 25)
            {
                throw new InvalidOperationException("enough");
            }
        };
        Assert.Equal("enough", Assert.Throws<InvalidOperationException>(() => _session.Append(Tokens(4096))).Message);
        _backend.Evaluating = null;
        Assert.Equal((10, hash, LongContextPolicy.None), (_session.TokenCount, _session.TokenHash, _session.Policy));
        Assert.Equal(live, _backend.LiveSessions);
        _session.Append(Tokens(54));
        Assert.Equal((64, CollapseLevel.Healthy), (monitor.Report!.Value.Position, monitor.Report.Value.Level));
    }

    [Fact]
    public void LossesThatTheCallerGivesCount()
    {
        using CollapseMonitor monitor = Watch(Often);
        _backend.Norm = (_, _) => 1;
        _session.Append(Tokens(512));
        monitor.AddLosses(0, Enumerable.Repeat(1f, 256).Concat(Enumerable.Repeat(3f, 256)).ToArray());
        _session.Append(Tokens(64));
        Assert.Equal(CollapseRule.LossRatio, monitor.Report!.Value.Rule);
        Assert.Throws<ArgumentOutOfRangeException>(() => monitor.AddLosses(-1, [1]));
    }

    [Fact]
    public void HistoryCoversTheWholeSessionInBoundedMemory()
    {
        using CollapseMonitor monitor = Watch(Often with { HistoryCapacity = 10 });
        _session.Append(Tokens(64 * 100));
        IReadOnlyList<CollapseReport> history = monitor.History;
        Assert.InRange(history.Count, 5, 10);
        Assert.Equal(64, history[0].Position);
        Assert.True(history[^1].Position > 64 * 80);
        Assert.Single(history.Zip(history.Skip(1), (left, right) => right.Position - left.Position).Distinct());
    }

    [Fact]
    public void WatchesOneSessionOfItsModel()
    {
        using CollapseMonitor monitor = Watch(Often);
        using MambaSession other = _model.CreateSession();
        Assert.Throws<InvalidOperationException>(() => other.Monitor = monitor);
        Assert.Null(other.Monitor);
        using MambaModel stranger = TestModel.Create(new ScriptedBackend(_ => 0, TestTokenizer.VocabSize));
        using MambaSession strange = stranger.CreateSession();
        Assert.Throws<ArgumentException>(() => strange.Monitor = monitor);
        using MambaSession fork = _session.Fork();
        Assert.Null(fork.Monitor);
        Assert.True(fork.TracksDecay);

        _session.Monitor = null;
        other.Monitor = monitor;
        Assert.Same(monitor, other.Monitor);
        _session.Append(Tokens(128));
        Assert.Null(monitor.Report);
        other.Dispose();
        _session.Monitor = monitor;
    }

    [Fact]
    public void WithoutABaselineNormsAloneAreNoReasonToAct()
    {
        using CollapseMonitor monitor = Watch(
            Often with { Baseline = null, Action = CollapseAction.SwitchPolicy(LongContextPolicy.RestartWindow(128)) });
        _session.Append(Tokens(2048));
        Assert.Equal((CollapseLevel.Watch, 8), (monitor.Report!.Value.Level, monitor.Report.Value.NormRatio));
        Assert.Equal(LongContextPolicy.None, _session.Policy);
    }

    [Fact]
    public void GivenToAnotherSessionItBeginsAnew()
    {
        using CollapseMonitor monitor = Watch(Often with { Baseline = null });
        monitor.AddLosses(0, Enumerable.Repeat(1f, 256).ToArray());
        _session.Append(Tokens(512));
        Assert.Equal(2, monitor.Report!.Value.NormRatio);
        _session.Monitor = null;

        using MambaSession other = _model.CreateSession();
        other.Append(Tokens(1000));
        other.Monitor = monitor;
        Assert.Null(monitor.Report);
        Assert.Empty(monitor.History);
        other.Append(Tokens(24));
        CollapseReport report = Assert.Single(monitor.History);
        Assert.Equal((1024, 1, null, null), (report.Position, report.NormRatio, report.LongestHorizon, report.LossRatio));
    }

    [Fact]
    public async Task DecaysAreNotComparedWithWhatWasUndone()
    {
        using CollapseMonitor monitor = Watch(Often);
        _session.Append(Tokens(128));
        Assert.Equal(1000, monitor.Report!.Value.LongestHorizon!.Value, 1e-6);
        _session.Append(Tokens(10));
        _session.Rollback(5);
        await ReadAsync(100);
        Assert.Equal((234, true), (monitor.Report.Value.Position, monitor.Report.Value.LongestHorizon is not null));
        _session.Rollback(5);
        await ReadAsync(100);
        Assert.Equal((330, null), (monitor.Report.Value.Position, monitor.Report.Value.LongestHorizon));
        _session.Append(Tokens(64));
        Assert.NotNull(monitor.Report.Value.LongestHorizon);
        _session.Reset();
        await ReadAsync(500);
        Assert.Equal((501, null), (monitor.Report.Value.Position, monitor.Report.Value.LongestHorizon));

        // A prompt is read whole, and the token behind it.
        async Task ReadAsync(int count)
        {
            await foreach (GeneratedToken token in _session.GenerateAsync(Tokens(count), new GenerationOptions { Temperature = 0, MaxTokens = 1 }))
            {
                Assert.NotNull(token.FinishReason);
            }
        }
    }

    [Theory]
    [InlineData(54)]
    [InlineData(1)]
    public void WhereAHandlerThrowsTheInputIsNotRead(int count)
    {
        using CollapseMonitor monitor = Watch(Often);
        _session.Append(Tokens(64 - count));
        ulong hash = _session.TokenHash;
        int live = _backend.LiveSessions;
        monitor.StateMeasured += Throw;
        Assert.Equal("enough", Assert.Throws<InvalidOperationException>(() => _session.Append(Tokens(count))).Message);
        Assert.Equal((64 - count, hash), (_session.TokenCount, _session.TokenHash));
        monitor.StateMeasured -= Throw;
        _session.Append(Tokens(count));
        Assert.Equal((64, live), (_session.TokenCount, _backend.LiveSessions));

        static void Throw(object? sender, StateMeasuredEventArgs measured) => throw new InvalidOperationException("enough");
    }

    [Fact]
    public void InABatchAllLookAndTheTokensStand()
    {
        using CollapseMonitor first = Watch(Often);
        using MambaSession other = _model.CreateSession();
        using CollapseMonitor second = new(_model, Often);
        other.Monitor = second;
        _session.Append(Tokens(63));
        other.Append(Tokens(63));
        first.StateMeasured += (_, _) => throw new InvalidOperationException("enough");
        Assert.Throws<InvalidOperationException>(() => _model.DecodeBatch(
            [_session, other], [TestTokenizer.FirstByte, TestTokenizer.FirstByte], new float[2 * _model.Info.PaddedVocabSize]));
        Assert.Equal((64, 64, 64), (_session.TokenCount, other.TokenCount, second.Report!.Value.Position));
    }

    [Fact]
    public void ATextThatCannotBeReadLeavesTheSessionOfABatchAsItWas()
    {
        using CollapseMonitor monitor = Watch(Often with { Action = CollapseAction.ResetAndReinject("so far") });
        _session.Append(Tokens(831));
        int live = _backend.LiveSessions;
        int evaluations = 0;
        _backend.Evaluating = _ =>
        {
            if (++evaluations == 2)
            {
                throw new InvalidOperationException("enough");
            }
        };
        Assert.Throws<InvalidOperationException>(
            () => _model.DecodeBatch([_session], [TestTokenizer.FirstByte], new float[_model.Info.PaddedVocabSize]));
        Assert.Equal((832, live), (_session.TokenCount, _backend.LiveSessions));
    }

    [Fact]
    public void OnADeviceItSwitchesToWhatTheDeviceHas()
    {
        using MambaModel model = TestModel.Create(new ScriptedBackend(_ => 0, TestTokenizer.VocabSize) { Device = "cuda:0" });
        CollapseMonitorOptions difference = Often with { Action = CollapseAction.SwitchPolicy(LongContextPolicy.DifferenceWindow(128)) };
        NotSupportedException exception = Assert.Throws<NotSupportedException>(() => new CollapseMonitor(model, difference));
        Assert.Contains("cuda:0", exception.Message, StringComparison.Ordinal);
        using CollapseMonitor monitor = new(model, Often with { Action = CollapseAction.SwitchPolicy(LongContextPolicy.RestartWindow(128)) });
        using MambaSession session = model.CreateSession();
        session.Monitor = monitor;
        session.Append(Tokens(128));
        Assert.Equal(128, monitor.Report!.Value.Position);
        Assert.True(session.TracksDecay);
    }

    [Fact]
    public async Task ASessionThatIsDisposedWhileItIsUsedKeepsItsMonitorUntilThen()
    {
        using CollapseMonitor monitor = Watch(Often);
        using MambaSession other = _model.CreateSession();
        await using (IAsyncEnumerator<GeneratedToken> tokens = _session.GenerateAsync(Tokens(9)).GetAsyncEnumerator())
        {
            Assert.True(await tokens.MoveNextAsync());
            _session.Dispose();
            Assert.Throws<InvalidOperationException>(() => other.Monitor = monitor);
        }

        other.Monitor = monitor;
    }

    [Fact]
    public void WhatCannotWorkIsRefusedAtOnce()
    {
        Refuse("multiple of 64", Often with { IntervalTokens = 100 });
        Refuse("multiple of 64", Often with { IntervalTokens = 0 });
        Refuse("TrainingLength", Often with { TrainingLength = 0 });
        Refuse("training length", Often with { TrainingLength = null, Baseline = null });
        Refuse("WatchNormRatio", Often with { WatchNormRatio = 0 });
        Refuse("CollapseVarianceRatio", Often with { CollapseVarianceRatio = double.NaN });
        Refuse("RetentionLimit", Often with { RetentionLimit = 1.5 });
        Refuse("HistoryCapacity", Often with { HistoryCapacity = 1 });
        Refuse("Watch or Collapsing", Often with { ActionLevel = CollapseLevel.Healthy });
        Refuse("auto", Often with { Action = CollapseAction.SwitchPolicy(LongContextPolicy.Auto) });
        Assert.ThrowsAny<ArgumentException>(() => CollapseAction.ResetAndReinject(""));
        using MambaModel bare = TestModel.CreateBare(new ScriptedBackend(_ => 0, 8));
        Assert.Throws<MambaFormatException>(() => new CollapseMonitor(bare, Often with { Action = CollapseAction.ResetAndReinject("a") }));

        void Refuse(string words, CollapseMonitorOptions options) => Assert.Contains(
            words, Assert.ThrowsAny<ArgumentException>(() => new CollapseMonitor(_model, options)).Message, StringComparison.Ordinal);
    }

    private static int[] Tokens(int count) => [.. Enumerable.Range(0, count).Select(index => TestTokenizer.FirstByte + (index % 90))];

    private CollapseMonitor Watch(CollapseMonitorOptions options, ILoggerFactory? log = null)
    {
        CollapseMonitor monitor = new(_model, options, log);
        _session.Monitor = monitor;
        return monitor;
    }
}
