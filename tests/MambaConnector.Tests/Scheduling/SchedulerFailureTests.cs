using System.Runtime.InteropServices;
using MambaConnector.Backend;
using MambaConnector.Generation;
using MambaConnector.Scheduling;
using MambaConnector.Tests.Support;
using Moq;

namespace MambaConnector.Tests.Scheduling;

/// <summary>Requests that are cancelled, left or fail, and a scheduler that is disposed: the others go on, and nothing is left behind.</summary>
public class SchedulerFailureTests : SchedulerTestBase
{
    private static readonly int[] Poison = [3];

    [Fact]
    public async Task ARequestCancelledWhileItWaitsIsDropped()
    {
        ScriptedBackend backend = Babble();
        using EvaluationGate gate = new(backend);
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model, Options(maxConcurrency: 1, maxQueueLength: 1));
        using CancellationTokenSource source = new();
        Task<Steps> running = CollectAsync(
            scheduler.Submit(new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model, 3) }, CancellationToken.None));
        await gate.ReachedAsync();
        Sequence waiting = scheduler.Submit(
            new SequenceRequest { State = backend.CreateSession(), Prompt = Prompt(6), Plan = Endless(model) }, source.Token);
        source.Cancel();
        await gate.NextAsync();
        var exception = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => CollectAsync(waiting));
        Assert.Equal(source.Token, exception.CancellationToken);
        Assert.True(waiting.Completion.IsCanceled);
        Assert.Equal(1, backend.LiveSessions);

        // Its place is free.
        Task<Steps> next = CollectAsync(
            scheduler.Submit(new SequenceRequest { Prompt = Prompt(7), Plan = Endless(model, 2) }, CancellationToken.None));
        gate.Open();
        Assert.Equal((3, 2), ((await running).All.Count, (await next).All.Count));
        Assert.Equal(0, backend.LiveSessions);
    }

    [Theory]
    [InlineData(2, 0)] // in the middle of the prompt
    [InlineData(4, 1)] // just after the first token
    [InlineData(9, 6)]
    public async Task ACancelledRequestEndsWithinOneStepAndOthersGoOn(int evaluations, int tokensBefore)
    {
        ScriptedBackend backend = Babble(maxBatchTokens: 128);
        BatchLog log = new(backend);
        using EvaluationGate gate = new(backend);
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model);
        using CancellationTokenSource source = new();
        Sequence sequence = scheduler.Submit(
            new SequenceRequest { Prompt = Prompt(300), Plan = Endless(model), KeepState = true }, source.Token);
        await gate.ReachedAsync();
        for (int evaluation = 1; evaluation < evaluations; evaluation++)
        {
            await gate.NextAsync();
        }

        source.Cancel();
        Task<Steps> other = CollectAsync(
            scheduler.Submit(new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model, 4) }, CancellationToken.None));
        gate.Open();
        Assert.Equal(4, (await other).All.Count);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sequence.Completion);
        Assert.Equal(evaluations, log.Batches.Count(batch => batch.Any(part => part.Session == log.Batches[0][0].Session)));
        Assert.Equal(tokensBefore, log.Batches.Take(evaluations - 1).Count(batch => batch[0].Rows == 1));
        Assert.Equal(0, backend.LiveSessions);
    }

    [Theory]
    [InlineData(1, true)] // while the last token is being chosen
    [InlineData(2, false)] // while it is being read into the state, which is the last step
    public async Task AWishAtTheEndCountsWhileAStepIsLeft(int evaluation, bool isCancelled)
    {
        ScriptedBackend backend = Babble();
        using EvaluationGate gate = new(backend);
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model);
        using CancellationTokenSource source = new();
        Sequence sequence = scheduler.Submit(
            new SequenceRequest { Prompt = Prompt(300), Plan = Endless(model, 1), KeepState = true }, source.Token);
        await gate.ReachedAsync();
        for (int passed = 1; passed < evaluation; passed++)
        {
            await gate.NextAsync();
        }

        source.Cancel();
        gate.Open();
        Task<SequenceResult> completion = sequence.Completion;
        await Task.WhenAny(completion);
        Assert.Equal(isCancelled, completion.IsCanceled);
        if (!isCancelled)
        {
            (await completion).State!.Dispose();
        }

        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task LeavingTheEnumerationEndsTheRequest()
    {
        ScriptedBackend backend = Babble();
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model);
        Sequence sequence = scheduler.Submit(
            new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model, 1_000_000), KeepState = true }, CancellationToken.None);
        await foreach (GeneratedToken token in sequence)
        {
            Assert.Null(token.FinishReason);
            break;
        }

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sequence.Completion);
        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task LeavingTheEnumerationWhenAllIsDoneFreesTheState()
    {
        ScriptedBackend backend = Babble();
        using MambaModel model = TestModel.Create(backend);
        Sequence sequence = Start(model).Submit(
            new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model, 4), KeepState = true }, CancellationToken.None);
        await sequence.Completion;
        Assert.Equal(1, backend.LiveSessions);
        await foreach (GeneratedToken _ in sequence)
        {
            break;
        }

        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task LeavingAtTheLastTokenFreesTheState()
    {
        ScriptedBackend backend = Babble();
        using MambaModel model = TestModel.Create(backend);
        Sequence sequence = Start(model).Submit(
            new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model, 4), KeepState = true }, CancellationToken.None);
        await foreach (GeneratedToken token in sequence)
        {
            if (token.FinishReason is not null)
            {
                break;
            }
        }

        await Task.WhenAny(sequence.Completion);
        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task ATokenOfTheEnumerationEndsTheRequestToo()
    {
        ScriptedBackend backend = Babble();
        using EvaluationGate gate = new(backend);
        using MambaModel model = TestModel.Create(backend);
        Sequence sequence = Start(model).Submit(new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model) }, CancellationToken.None);
        using CancellationTokenSource source = new();
        ValueTask<bool> first = sequence.GetAsyncEnumerator(source.Token).MoveNextAsync();
        await gate.ReachedAsync();
        source.Cancel();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.AsTask());
        gate.Open();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => sequence.Completion);
        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task OnlyTheRequestThatTheEngineFailsOnEnds()
    {
        ScriptedBackend backend = Babble();
        using MambaModel model = TestModel.Create(backend);
        Steps expected = await CollectAsync(
            Start(model).Submit(new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model, 10) }, CancellationToken.None));
        using EvaluationGate gate = new(backend);
        Action<int[]> pass = backend.Evaluating!;
        backend.Evaluating = tokens =>
        {
            pass(tokens);
            if (tokens.Contains(Poison[0]))
            {
                throw new MambaDeviceException(MambaErrorCode.Device, "lost");
            }
        };
        Scheduler scheduler = Start(model);
        Task<Steps> first = CollectAsync(
            scheduler.Submit(new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model, 10) }, CancellationToken.None));
        await gate.ReachedAsync();
        Sequence bad = scheduler.Submit(
            new SequenceRequest { State = StateOfUngated(backend, 4), Prompt = Poison, Plan = Endless(model), KeepState = true },
            CancellationToken.None);
        Task<Steps> second = CollectAsync(
            scheduler.Submit(new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model, 10) }, CancellationToken.None));
        gate.Open();
        await Assert.ThrowsAsync<MambaDeviceException>(() => CollectAsync(bad));
        await Assert.ThrowsAsync<MambaDeviceException>(() => bad.Completion);
        Assert.Equal(expected.All, (await first).All);
        Assert.Equal(expected.All, (await second).All);
        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task AConstraintOrAReceiverThatFailsEndsOnlyItsRequest()
    {
        ScriptedBackend backend = Babble();
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model);
        Sequence first = scheduler.Submit(
            new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model), Constraint = new BadConstraint() }, CancellationToken.None);
        Sequence second = scheduler.Submit(
            new SequenceRequest
            {
                Prompt = Prompt(5),
                Plan = Endless(model),
                Borders = [2],
                OnBorder = (_, state) =>
                {
                    state.Dispose();
                    throw new InvalidOperationException("no room");
                },
            },
            CancellationToken.None);
        Sequence third = scheduler.Submit(new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model, 7) }, CancellationToken.None);
        Assert.Equal("bad grammar", (await Assert.ThrowsAsync<InvalidOperationException>(() => CollectAsync(first))).Message);
        Assert.Equal("no room", (await Assert.ThrowsAsync<InvalidOperationException>(() => CollectAsync(second))).Message);
        Assert.Equal(7, (await CollectAsync(third)).All.Count);
        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task LogitsThatAreNoNumbersEndOnlyTheirRequest()
    {
        ScriptedBackend backend = new(
            history =>
            {
                float[] row = ScriptedBackend.Prefer(TestTokenizer.FirstByte, TestTokenizer.VocabSize + 4);
                Array.Fill(row, history[0] == Poison[0] ? float.NaN : 0);
                return row;
            },
            TestTokenizer.VocabSize);
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model);
        Sequence bad = scheduler.Submit(new SequenceRequest { Prompt = Poison, Plan = Endless(model) }, CancellationToken.None);
        Sequence good = scheduler.Submit(new SequenceRequest { Prompt = Prompt(1), Plan = Endless(model, 5) }, CancellationToken.None);
        await Assert.ThrowsAsync<MambaException>(() => CollectAsync(bad));
        Assert.Equal(5, (await CollectAsync(good)).All.Count);
        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task AnObserverThatFailsEndsWhatRunsAndNothingElse()
    {
        ScriptedBackend backend = Babble();
        using MambaModel model = TestModel.Create(backend);
        Mock<ISchedulerObserver> observer = new();
        observer.Setup(o => o.OnEvaluated(1, 0, 1)).Throws(new InvalidOperationException("bad listener"));
        Scheduler scheduler = Start(model, observer: observer.Object);
        Sequence bad = scheduler.Submit(new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model) }, CancellationToken.None);
        Assert.Equal("bad listener", (await Assert.ThrowsAsync<InvalidOperationException>(() => CollectAsync(bad))).Message);
        Assert.Equal(2, backend.Evaluations);
        Assert.Equal(0, backend.LiveSessions);
        Sequence good = scheduler.Submit(new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model, 1) }, CancellationToken.None);
        Assert.Single((await CollectAsync(good)).All);
    }

    [Fact]
    public async Task TheFirstCallersContextIsNotThatOfTheOthers()
    {
        ScriptedBackend backend = Babble();
        AsyncLocal<string?> context = new() { Value = "the caller's" };
        string? seen = "nothing";
        backend.Evaluating = _ => seen = context.Value;
        using MambaModel model = TestModel.Create(backend);
        await CollectAsync(Start(model).Submit(new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model, 2) }, CancellationToken.None));
        Assert.Null(seen);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task DisposingEndsWhatRunsAndWhatWaits(bool isAsync)
    {
        ScriptedBackend backend = Babble();
        using EvaluationGate gate = new(backend);
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model, Options(maxConcurrency: 2));
        Task<Steps>[] requests =
        [
            .. Enumerable.Range(0, 5).Select(index => CollectAsync(scheduler.Submit(
                new SequenceRequest { State = backend.CreateSession(), Prompt = Prompt(70, index), Plan = Endless(model), KeepState = true },
                CancellationToken.None))),
        ];
        await gate.ReachedAsync();
        await gate.NextAsync();
        Task disposal = isAsync ? scheduler.DisposeAsync().AsTask() : Task.Run(scheduler.Dispose);
        Assert.False(disposal.IsCompleted);
        gate.Open();
        await disposal;
        Assert.Equal(0, backend.LiveSessions);
        foreach (Task<Steps> request in requests)
        {
            var exception = await Assert.ThrowsAsync<ObjectDisposedException>(() => request);
            Assert.Equal("MambaChatClient", exception.ObjectName);
        }

        Assert.Throws<ObjectDisposedException>(() => scheduler.Submit(
            new SequenceRequest { State = backend.CreateSession(), Prompt = Prompt(5), Plan = Endless(model) }, CancellationToken.None));
        Assert.Equal(0, backend.LiveSessions);
        await scheduler.DisposeAsync();
    }

    [Fact]
    public async Task ASchedulerThatServedNobodyCanBeDisposed()
    {
        using MambaModel model = TestModel.Create(Babble());
        Scheduler scheduler = new(model, Options());
        scheduler.Dispose();
        await scheduler.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(
            () => scheduler.Submit(new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model) }, CancellationToken.None));
    }

    // The gate would hold the test itself.
    private static IBackendSession StateOfUngated(ScriptedBackend backend, params int[] tokens) =>
        backend.LoadSession(MemoryMarshal.AsBytes<int>(tokens));

    private sealed class BadConstraint : ITokenConstraint
    {
        public ReadOnlySpan<uint> Mask => [];

        public bool IsComplete => false;

        public bool TryAccept(int token, int tokensLeft) => throw new InvalidOperationException("bad grammar");
    }
}
