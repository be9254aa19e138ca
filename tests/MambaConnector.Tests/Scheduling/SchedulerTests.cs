using MambaConnector.Backend;
using MambaConnector.Generation;
using MambaConnector.Scheduling;
using MambaConnector.Tests.Support;
using Moq;

namespace MambaConnector.Tests.Scheduling;

/// <summary>One request, many requests, and the limits.</summary>
public class SchedulerTests : SchedulerTestBase
{
    private static readonly int[] Borders = [1, 100, 101, 500];

    [Fact]
    public async Task GivesTheTokensAndTheStateThatASessionGives()
    {
        ScriptedBackend backend = Babble();
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model);
        int[] before = Prompt(70, 5);
        int[] prompt = Prompt(30);
        Sequence sequence = scheduler.Submit(
            new SequenceRequest { State = StateOf(model, before), Prompt = prompt, Plan = Plan(model, 20), KeepState = true }, CancellationToken.None);
        Steps steps = await CollectAsync(sequence);
        SequenceResult result = await sequence.Completion;

        using MambaSession session = model.CreateSession();
        session.Append(before);
        Steps expected = await Steps.CollectAsync(session.GenerateAsync(prompt, new GenerationOptions { MaxTokens = 20, Seed = 1 }));
        Assert.Equal(expected.All, steps.All);
        Assert.Equal(session.TokenHash, result.State!.Info.TokenHash);
        Assert.Equal(steps.All.SkipLast(steps.Last.RemovedTokens).Select(step => step.Id), result.KeptTokens);
        Assert.Equal(steps.Last.FinishReason, result.FinishReason);
        Assert.True(result.Decode > TimeSpan.Zero);
        result.State.Dispose();
        Assert.Equal(1, backend.LiveSessions);
    }

    [Fact]
    public async Task AnEmptyPromptContinuesTheState()
    {
        using MambaModel model = TestModel.Create(Babble());
        Scheduler scheduler = Start(model);
        Steps expected = await CollectAsync(
            scheduler.Submit(new SequenceRequest { Prompt = Prompt(9), Plan = Plan(model, 8) }, CancellationToken.None));
        Steps steps = await CollectAsync(scheduler.Submit(
            new SequenceRequest { State = StateOf(model, Prompt(9)), Context = Prompt(9), Plan = Plan(model, 8) }, CancellationToken.None));
        Assert.Equal(expected.All, steps.All);
    }

    [Fact]
    public async Task ThePenaltiesSeeContextAndPrompt()
    {
        // Prefers 'a', then 'b', then 'c', whatever it has read.
        ScriptedBackend backend = new(
            _ =>
            {
                float[] row = ScriptedBackend.Prefer(TestTokenizer.FirstByte + 'a', TestTokenizer.VocabSize + 4);
                row[TestTokenizer.FirstByte + 'b'] = 9;
                row[TestTokenizer.FirstByte + 'c'] = 8;
                return row;
            },
            TestTokenizer.VocabSize);
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model);
        int[] context = TestTokenizer.Tokens("a");
        Steps steps = await CollectAsync(scheduler.Submit(
            new SequenceRequest
            {
                State = StateOf(model, context),
                Context = context,
                Prompt = TestTokenizer.Tokens("b"),
                Plan = GenerationPlan.Create(
                    model, new GenerationOptions { Temperature = 0, PresencePenalty = 15, MaxTokens = 1 }),
            },
            CancellationToken.None));
        Assert.Equal("c", steps.Text);
    }

    [Fact]
    public async Task WhatDecodesGoesTogether()
    {
        ScriptedBackend backend = Babble();
        BatchLog log = new(backend);
        using EvaluationGate gate = new(backend);
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model);
        Sequence first = scheduler.Submit(new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model, 5) }, CancellationToken.None);
        await gate.ReachedAsync();
        List<Sequence> others = [];
        for (int index = 1; index < 9; index++)
        {
            others.Add(scheduler.Submit(new SequenceRequest { Prompt = Prompt(5, index), Plan = Endless(model, 5) }, CancellationToken.None));
        }

        gate.Open();
        await Task.WhenAll(others.Append(first).Select(CollectAsync));
        Assert.Equal(9, log.Batches.Max(batch => batch.Count(part => part is { Count: 1, Rows: 1 })));

        // The first alone; all nine four times, the first having begun one step before.
        Assert.Equal([1, 9, 9, 9, 9, 8], log.Batches.Select(batch => batch.Length));
    }

    [Fact]
    public async Task ALongPromptDoesNotStallThoseThatDecode()
    {
        ScriptedBackend backend = Babble();
        BatchLog log = new(backend);
        using EvaluationGate gate = new(backend);
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model, Options(prefillSliceTokens: 100));
        Sequence decoding = scheduler.Submit(new SequenceRequest { Prompt = Prompt(3), Plan = Endless(model, 30) }, CancellationToken.None);
        await gate.ReachedAsync();
        Sequence reading = scheduler.Submit(new SequenceRequest { Prompt = Prompt(3000), Plan = Endless(model, 1) }, CancellationToken.None);
        gate.Open();
        await Task.WhenAll(CollectAsync(decoding), CollectAsync(reading));
        Part[] alone = [.. log.Batches.Where(batch => batch.Length == 1).Select(batch => new Part(batch[0].Count))];
        Part[] beside = [.. log.Batches.Where(batch => batch.Length == 2).Select(batch => new Part(batch[1].Count))];

        // A slice of 100 tokens is one chunk; when nothing decodes any more, the prompt has the whole batch.
        Assert.Equal(29, beside.Length);
        Assert.All(beside, part => Assert.Equal(64, part.Count));
        Assert.Contains(new Part(512), alone);
    }

    [Fact]
    public async Task AShortPromptBehindALongOneIsServedSoon()
    {
        ScriptedBackend backend = Babble(maxBatchTokens: 128);
        BatchLog log = new(backend);
        using EvaluationGate gate = new(backend);
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model);
        Sequence longer = scheduler.Submit(new SequenceRequest { Prompt = Prompt(100_000), Plan = Endless(model) }, CancellationToken.None);
        await gate.ReachedAsync();
        Sequence shorter = scheduler.Submit(new SequenceRequest { Prompt = Prompt(150), Plan = Endless(model, 3) }, CancellationToken.None);
        gate.Open();
        Task<Steps> all = CollectAsync(longer);
        Assert.Equal(3, (await CollectAsync(shorter)).All.Count);
        await scheduler.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => all);

        // One batch for the long one alone, three that both share, and two tokens more.
        int last = log.Batches.FindLastIndex(batch => batch.Length == 2);
        Assert.Equal(5, last);
    }

    [Fact]
    public async Task MoreThanABatchHoldsTakeTurns()
    {
        ScriptedBackend backend = Babble(maxBatchTokens: 64);
        BatchLog log = new(backend);
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model, Options(maxConcurrency: 150));
        Steps[] all = await Task.WhenAll(Enumerable.Range(0, 150).Select(index => CollectAsync(
            scheduler.Submit(new SequenceRequest { Prompt = Prompt(70, index), Plan = Endless(model, 10) }, CancellationToken.None))));
        Assert.All(all, steps => Assert.Equal(10, steps.All.Count));
        Assert.All(log.Batches, batch => Assert.InRange(batch.Sum(part => part.Count), 1, 64));
    }

    [Fact]
    public async Task PiecesEndOnTheChunkGridAtBordersOrAtTheEnd()
    {
        ScriptedBackend backend = Babble(maxBatchTokens: 256);
        BatchLog log = new(backend);
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model, Options(prefillSliceTokens: 90));
        List<(int Count, long Position, ulong Hash)> borders = [];
        int[] before = Prompt(30, 9);
        int[] prompt = Prompt(500);
        Sequence[] sequences =
        [
            .. Enumerable.Range(0, 3).Select(index =>
                scheduler.Submit(new SequenceRequest { Prompt = Prompt(64, index), Plan = Endless(model, 40) }, CancellationToken.None)),
            scheduler.Submit(
                new SequenceRequest
                {
                    State = StateOf(model, before),
                    Prompt = prompt,
                    Plan = Endless(model, 2),
                    Borders = Borders,
                    OnBorder = (count, state) =>
                    {
                        borders.Add((count, state.Info.TokenCount, state.Info.TokenHash));
                        state.Dispose();
                    },
                },
                CancellationToken.None),
        ];
        await Task.WhenAll(sequences.Select(CollectAsync));
        Assert.Equal(Borders.Select(count => (count, 30L + count, HashOf(before, prompt[..count]))), borders);
        long[] ends = [.. Borders.Select(count => 30L + count), 30];
        Assert.All(
            log.Batches.SelectMany(batch => batch).Where(part => part.Count > 1),
            part => Assert.True(part.End % 64 == 0 || ends.Contains(part.End), $"A piece ends at {part.End}."));
        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task OnlySoManyRunAndWait()
    {
        ScriptedBackend backend = Babble();
        using EvaluationGate gate = new(backend);
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model, Options(maxConcurrency: 2, maxQueueLength: 1));
        SequenceRequest request = new() { Prompt = Prompt(5), Plan = Plan(model, 3) };
        Task<Steps>[] accepted = [.. Enumerable.Range(0, 3).Select(_ => CollectAsync(scheduler.Submit(request, CancellationToken.None)))];
        await gate.ReachedAsync();
        int live = backend.LiveSessions;
        using IBackendSession state = model.Backend.CreateSession();
        var busy = Assert.Throws<MambaBusyException>(() => scheduler.Submit(request with { State = state }, CancellationToken.None));
        Assert.Equal((2, 1), (busy.MaxConcurrency, busy.MaxQueueLength));
        Assert.Contains("1 wait (MaxQueueLength)", busy.Message, StringComparison.Ordinal);
        Assert.Equal(live, backend.LiveSessions);
        gate.Open();
        await Task.WhenAll(accepted);

        // One that has ended leaves its place at once.
        for (int round = 0; round < 20; round++)
        {
            await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => CollectAsync(scheduler.Submit(request, CancellationToken.None))));
        }
    }

    [Fact]
    public async Task AtMostMaxConcurrencyRun()
    {
        ScriptedBackend backend = Babble();
        BatchLog log = new(backend);
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model, Options(maxConcurrency: 3));
        await Task.WhenAll(Enumerable.Range(0, 12).Select(index => CollectAsync(
            scheduler.Submit(new SequenceRequest { Prompt = Prompt(5, index), Plan = Plan(model, 6) }, CancellationToken.None))));
        Assert.All(log.Batches, batch => Assert.InRange(batch.Length, 1, 3));
    }

    [Fact]
    public void WhatCannotBeDoneIsRefusedAndItsStateFreed()
    {
        ScriptedBackend backend = Babble();
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model);
        SequenceRequest request = new() { Prompt = Prompt(5), Plan = Plan(model, 3) };
        Assert.Throws<ArgumentException>(() => scheduler.Submit(request with { Prompt = default }, CancellationToken.None));
        Assert.Throws<ArgumentException>(
            () => scheduler.Submit(request with { Prompt = default, State = model.Backend.CreateSession() }, CancellationToken.None));
        foreach (int[] borders in new int[][] { [0], [6], [3, 3], [4, 2] })
        {
            Assert.Throws<ArgumentException>(
                () => scheduler.Submit(request with { Borders = borders, State = model.Backend.CreateSession() }, CancellationToken.None));
        }

        Assert.ThrowsAny<OperationCanceledException>(
            () => scheduler.Submit(request with { State = model.Backend.CreateSession() }, new CancellationToken(canceled: true)));
        Assert.Equal((0, 0), (backend.LiveSessions, backend.Evaluations));
    }

    [Fact]
    public async Task WithoutAWishForTheStateNothingIsReadAfterTheLastToken()
    {
        ScriptedBackend backend = Babble();
        BatchLog log = new(backend);
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model);
        Sequence sequence = scheduler.Submit(new SequenceRequest { Prompt = Prompt(5), Plan = Endless(model, 4) }, CancellationToken.None);
        Assert.Null((await sequence.Completion).State);
        Assert.Equal([5, 1, 1, 1], log.Batches.Select(batch => batch.Single().Count));
        Assert.Equal(4, (await CollectAsync(sequence)).All.Count);
        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task AStopSequenceIsTakenOutOfTheState()
    {
        ScriptedBackend backend = TestModel.Reply("Hello\nUser: more", () => 2);
        BatchLog log = new(backend);
        using MambaModel model = TestModel.Create(backend);
        Scheduler scheduler = Start(model);
        int[] prompt = TestTokenizer.Tokens("ab");
        Sequence sequence = scheduler.Submit(
            new SequenceRequest { Prompt = prompt, Plan = Plan(model, 50, 1, "\nUser:"), KeepState = true }, CancellationToken.None);
        Steps steps = await CollectAsync(sequence);
        Assert.Equal(("Hello", 6), (steps.Text, steps.Last.RemovedTokens));
        SequenceResult result = await sequence.Completion;
        Assert.Equal(TestTokenizer.Tokens("Hello"), result.KeptTokens);
        Assert.Equal(HashOf(prompt, TestTokenizer.Tokens("Hello")), result.State!.Info.TokenHash);
        Assert.Equal(5, log.Batches[^1].Single().Count);
        result.State.Dispose();
        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task AStopSequenceAtTheVeryBeginningLeavesThePrompt()
    {
        ScriptedBackend backend = TestModel.Reply("Hello", () => 2, rollbackCapacity: 0);
        using MambaModel model = TestModel.Create(backend);
        Sequence sequence = Start(model).Submit(
            new SequenceRequest { Prompt = TestTokenizer.Tokens("ab"), Plan = Plan(model, 50, 1, "Hel"), KeepState = true }, CancellationToken.None);
        using IBackendSession state = (await sequence.Completion).State!;
        Assert.Equal(HashOf(TestTokenizer.Tokens("ab")), state.Info.TokenHash);
        Assert.Equal(1, backend.LiveSessions);
    }

    [Fact]
    public async Task TheObserverHearsOfLoadAndBatches()
    {
        ScriptedBackend backend = Babble();
        using EvaluationGate gate = new(backend);
        using MambaModel model = TestModel.Create(backend);
        Mock<ISchedulerObserver> observer = new();
        Scheduler scheduler = Start(model, Options(maxConcurrency: 1), observer.Object);
        SequenceRequest request = new() { Prompt = Prompt(7), Plan = Endless(model, 3) };
        Sequence first = scheduler.Submit(request, CancellationToken.None);
        await gate.ReachedAsync();
        Sequence second = scheduler.Submit(request, CancellationToken.None);
        gate.Open();
        await Task.WhenAll(first.Completion, second.Completion);
        observer.Verify(o => o.OnEvaluated(0, 1, 7), Times.Exactly(2));
        observer.Verify(o => o.OnEvaluated(1, 0, 1), Times.Exactly(4));
        Assert.Equal(
            [(1, 0), (0, 1), (1, 1), (1, 0), (0, 1), (0, 0)],
            observer.Invocations.Where(call => call.Method.Name == nameof(ISchedulerObserver.OnLoadChanged))
                .Select(call => ((int)call.Arguments[0]!, (int)call.Arguments[1]!)));
    }

    private readonly record struct Part(int Count);
}
