using MambaConnector.Backend;
using MambaConnector.Generation;
using MambaConnector.Scheduling;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Scheduling;

/// <summary>A scheduler on a scripted backend whose text depends on all that was read.</summary>
public abstract class SchedulerTestBase : IAsyncLifetime
{
    private readonly List<Scheduler> _schedulers = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (Scheduler scheduler in _schedulers)
        {
            await scheduler.DisposeAsync();
        }
    }

    internal static MambaChatClientOptions Options(int maxConcurrency = 64, int maxQueueLength = 256, int prefillSliceTokens = 128) => new()
    {
        MaxConcurrency = maxConcurrency,
        MaxQueueLength = maxQueueLength,
        PrefillSliceTokens = prefillSliceTokens,
    };

    /// <summary>Prefers one of the first letters, which one depending on all tokens so far; the end token stands out now and then.</summary>
    internal static ScriptedBackend Babble(int maxBatchTokens = 512, int rollbackCapacity = 0) => new(
        history =>
        {
            uint hash = (uint)history.Count;
            for (int index = Math.Max(0, history.Count - 8); index < history.Count; index++)
            {
                hash = (hash ^ (uint)history[index]) * 16777619;
            }

            float[] row = new float[TestTokenizer.VocabSize + 4];
            Array.Fill(row, -20);
            for (int letter = 0; letter < 4; letter++)
            {
                row[TestTokenizer.FirstByte + 'a' + letter] = (hash >> (letter * 5) & 31) / 8f;
            }

            row[TestTokenizer.ImEnd] = (hash >> 20 & 31) == 0 ? 3 : -20;
            return row;
        },
        TestTokenizer.VocabSize)
    {
        MaxBatchTokens = maxBatchTokens,
        RollbackCapacity = rollbackCapacity,
    };

    internal static GenerationPlan Plan(MambaModel model, int maxTokens, long seed = 1, params string[] stops) =>
        GenerationPlan.Create(model, new GenerationOptions { MaxTokens = maxTokens, Seed = seed, StopSequences = stops });

    /// <summary>Never ends by itself before <paramref name="maxTokens"/>.</summary>
    internal static GenerationPlan Endless(MambaModel model, int maxTokens = 1000) =>
        GenerationPlan.Create(model, new GenerationOptions { MaxTokens = maxTokens, Seed = 1, StopTokenIds = [] });

    internal static int[] Prompt(int length, int salt = 0) => [.. Enumerable.Range(0, length).Select(index => TestTokenizer.FirstByte + (((index * 7) + salt) % 256))];

    internal static IBackendSession StateOf(MambaModel model, int[] tokens)
    {
        IBackendSession state = model.Backend.CreateSession();
        model.Backend.Evaluate([new EvaluationItem(state, tokens.Length, 0)], tokens, [], CancellationToken.None);
        return state;
    }

    internal static ulong HashOf(params IEnumerable<int>[] tokens)
    {
        ScriptedBackend backend = new(_ => 0, TestTokenizer.VocabSize);
        using MambaModel model = TestModel.Create(backend);
        using IBackendSession state = StateOf(model, [.. tokens.SelectMany(part => part)]);
        return state.Info.TokenHash;
    }

    internal Scheduler Start(MambaModel model, MambaChatClientOptions? options = null, ISchedulerObserver? observer = null)
    {
        Scheduler scheduler = new(model, options ?? Options(), observer);
        _schedulers.Add(scheduler);
        return scheduler;
    }

    /// <summary>Enumerates in the background.</summary>
    internal static Task<Steps> CollectAsync(Sequence sequence) => Steps.CollectAsync(sequence);
}
