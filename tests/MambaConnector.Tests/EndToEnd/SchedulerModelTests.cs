using MambaConnector.Backend;
using MambaConnector.Generation;
using MambaConnector.Scheduling;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.EndToEnd;

/// <summary>The scheduler over the native engine: to the bit, a request does not notice the others.</summary>
public class SchedulerModelTests
{
    [Theory]
    [InlineData(MambaArchitecture.Mamba1)]
    [InlineData(MambaArchitecture.Mamba2)]
    public async Task RequestsTogetherGiveWhatEachGivesAlone(MambaArchitecture architecture)
    {
        using MambaModel model = MambaModel.CreateRandom(
            SmallShape.Of(architecture), new MambaModelOptions { ThreadCount = 1, RollbackTokens = 0, MaxBatchTokens = 256 });
        int[] lengths = [3, 700, 64, 65, 1, 333, 128, 20, 1000, 5, 190, 31];
        MambaChatClientOptions options = new() { MaxConcurrency = 8, PrefillSliceTokens = 100 };

        byte[][] alone = new byte[lengths.Length][];
        List<int>[] tokensAlone = new List<int>[lengths.Length];
        for (int index = 0; index < lengths.Length; index++)
        {
            await using Scheduler single = new(model, options);
            (tokensAlone[index], alone[index]) = await RunAsync(model, single, lengths[index], index);
        }

        await using Scheduler scheduler = new(model, options);
        long before = model.EngineInfo.Evaluations;
        (List<int> Tokens, byte[] State)[] together =
            await Task.WhenAll(lengths.Select((length, index) => RunAsync(model, scheduler, length, index)));
        for (int index = 0; index < lengths.Length; index++)
        {
            Assert.Equal(tokensAlone[index], together[index].Tokens);
            Assert.Equal(alone[index], together[index].State);
        }

        // Alone they take one evaluation a token: 12 x 40 and more.
        Assert.InRange(model.EngineInfo.Evaluations - before, 40, 200);
    }

    private static async Task<(List<int> Tokens, byte[] State)> RunAsync(MambaModel model, Scheduler scheduler, int length, int salt)
    {
        Sequence sequence = scheduler.Submit(
            new SequenceRequest
            {
                Prompt = Enumerable.Range(0, length).Select(index => ((index * 37) + salt) % 100).ToArray(),
                Plan = GenerationPlan.Create(
                    model, new GenerationOptions { Temperature = 0.9f, TopP = 0.95f, RepetitionPenalty = 1.1f, MaxTokens = 40, Seed = salt }),
                Borders = length > 50 ? [50] : [],
                OnBorder = (_, state) => state.Dispose(),
                KeepState = true,
            },
            CancellationToken.None);
        Steps steps = await Steps.CollectAsync(sequence);
        using IBackendSession state = (await sequence.Completion).State!;
        return ([.. steps.All.Select(step => step.Id)], state.Save());
    }
}
