using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using MambaConnector.Backend;
using MambaConnector.Generation;
using MambaConnector.Scheduling;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Scheduling;

/// <summary>Whatever comes together: every request ends, nothing is left behind, and each reply is the one that a session alone gives.</summary>
public class SchedulerPropertyTests : SchedulerTestBase
{
    [Fact]
    public void EveryRequestEndsAsItDoesAlone()
    {
        Gen<Request> request =
            from state in Gen.Choose(0, 100)
            from prompt in Gen.Choose(1, 200)
            from maxTokens in Gen.Choose(1, 15)
            from seed in Gen.Choose(0, 1000)
            from stop in Gen.Elements("", "", "ab", "dca")
            from keepState in Gen.Elements(true, false)
            from leaveAfter in Gen.Frequency((3, Gen.Constant(int.MaxValue)), (1, Gen.Choose(0, 8)))
            from wait in Gen.Choose(0, 3)
            select new Request(state, prompt, maxTokens, seed, stop, keepState, leaveAfter, wait);
        Gen<Setup> setup =
            from maxConcurrency in Gen.Choose(1, 9)
            from batch in Gen.Elements(64, 128, 512)
            from slice in Gen.Choose(1, 300)
            from rollback in Gen.Elements(0, 16)
            from requests in Gen.Choose(1, 12).SelectMany(count => request.ArrayOf(count))
            select new Setup(maxConcurrency, batch, slice, rollback, requests);
        Prop.ForAll(setup.ToArbitrary(), setup => CheckAsync(setup).GetAwaiter().GetResult())
            .Check(PropertyConfig.Of(60));
    }

    private static async Task CheckAsync(Setup setup)
    {
        ScriptedBackend backend = Babble(setup.MaxBatchTokens, setup.RollbackCapacity);
        using MambaModel model = TestModel.Create(backend);
        Reply[] alone = new Reply[setup.Requests.Length];
        for (int index = 0; index < alone.Length; index++)
        {
            alone[index] = await AloneAsync(model, setup.Requests[index]);
        }

        BatchLog log = new(backend);
        Reply[] together;
        await using (Scheduler scheduler = new(model, Options(setup.MaxConcurrency, 100, setup.PrefillSliceTokens)))
        {
            together = await Task.WhenAll(setup.Requests.Select(request => Task.Run(() => TogetherAsync(model, scheduler, request))));
        }

        for (int index = 0; index < alone.Length; index++)
        {
            // One that was left early was told the beginning.
            Request request = setup.Requests[index];
            int expected = Math.Min(alone[index].Tokens.Count, request.LeaveAfter);
            Assert.Equal(alone[index].Tokens.Take(expected), together[index].Tokens);
            Assert.Equal(request.KeepState && request.LeaveAfter > alone[index].Tokens.Count ? alone[index].Hash : null, together[index].Hash);
        }

        Assert.All(log.Batches, batch => Assert.InRange(batch.Sum(part => Math.Max(part.Count, 1)), 1, setup.MaxBatchTokens));
        Assert.Equal(0, backend.LiveSessions);
    }

    private static async Task<Reply> AloneAsync(MambaModel model, Request request)
    {
        using MambaSession session = model.CreateSession();
        session.Append(Prompt(request.State, 3));
        Steps steps = await Steps.CollectAsync(session.GenerateAsync(Prompt(request.Prompt), request.Options));
        return new Reply(steps.All, session.TokenHash);
    }

    private static async Task<Reply> TogetherAsync(MambaModel model, Scheduler scheduler, Request request)
    {
        // Arrivals are spread over the steps of the others.
        for (int turn = 0; turn < request.Wait * 10; turn++)
        {
            await Task.Yield();
        }

        IBackendSession? state = request.State == 0
            ? null
            : model.Backend.LoadSession(MemoryMarshal.AsBytes<int>(Prompt(request.State, 3)));
        using CancellationTokenSource source = new();
        Sequence sequence = scheduler.Submit(
            new SequenceRequest
            {
                State = state,
                Prompt = Prompt(request.Prompt),
                Plan = GenerationPlan.Create(model, request.Options),
                KeepState = request.KeepState,
                Borders = request.Prompt > 10 ? [10] : [],
                OnBorder = (_, copy) => copy.Dispose(),
            },
            source.Token);
        List<GeneratedToken> tokens = [];
        if (request.LeaveAfter == 0)
        {
            source.Cancel();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => CollectAsync(sequence));
        }
        else
        {
            await foreach (GeneratedToken token in sequence)
            {
                tokens.Add(token);
                if (tokens.Count == request.LeaveAfter)
                {
                    break;
                }
            }
        }

        bool hasLeft = tokens.Count == request.LeaveAfter;
        await ((Task)sequence.Completion).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (hasLeft || !request.KeepState)
        {
            Assert.True(sequence.Completion.IsCanceled || sequence.Completion.IsCompletedSuccessfully);
            return new Reply(tokens, null);
        }

        using IBackendSession kept = (await sequence.Completion).State!;
        return new Reply(tokens, kept.Info.TokenHash);
    }

    private sealed record Setup(int MaxConcurrency, int MaxBatchTokens, int PrefillSliceTokens, int RollbackCapacity, Request[] Requests)
    {
        public override string ToString() =>
            $"{MaxConcurrency} at once, batches of {MaxBatchTokens}, slices of {PrefillSliceTokens}, undo of {RollbackCapacity}: " +
            $"{string.Join("; ", Requests.AsEnumerable())}";
    }

    private sealed record Request(int State, int Prompt, int MaxTokens, int Seed, string Stop, bool KeepState, int LeaveAfter, int Wait)
    {
        public GenerationOptions Options => new() { MaxTokens = MaxTokens, Seed = Seed, StopSequences = Stop.Length > 0 ? [Stop] : [] };
    }

    private sealed record Reply(IReadOnlyList<GeneratedToken> Tokens, ulong? Hash);
}
