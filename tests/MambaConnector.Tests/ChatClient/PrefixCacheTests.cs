using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using MambaConnector.Backend;
using MambaConnector.ChatClient;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.ChatClient;

public sealed class PrefixCacheTests : IDisposable
{
    private const long StateBytes = 100; // of the scripted backend

    private readonly ScriptedBackend _backend = new(_ => 0, TestTokenizer.VocabSize);
    private readonly PrefixCache _cache = new(3 * StateBytes);

    public void Dispose() => _cache.Dispose();

    [Fact]
    public void LongestBeginningIsFound()
    {
        Add([1, 2]);
        Add([1, 2, 3, 4]);
        Add([1, 9]);

        Assert.Equal("1 2 3 4", Find([1, 2, 3, 4, 5]));
        Assert.Equal("1 2", Find([1, 2, 3]));
        Assert.Equal("1 2 3 4", Find([1, 2, 3, 4]));
        Assert.Null(Find([2, 1]));
        Assert.Null(Find([]));
    }

    [Fact]
    public void CopiesAreTheReceiversOwn()
    {
        Add([1]);
        PrefixMatch match = _cache.Find([1, 2], LongContextPolicy.None)!.Value;
        match.State.Reset();
        match.State.Dispose();

        Assert.Equal("1", Find([1, 2]));
    }

    [Fact]
    public void LeastRecentlyUsedGoesFirst()
    {
        Add([1]);
        Add([2]);
        Add([3]);
        Find([1]);
        Add([4]);

        Assert.Null(Find([2]));
        Assert.Equal("1", Find([1]));
        Assert.Equal(3 * StateBytes, _cache.Bytes);
        Assert.Equal(3, _cache.Count);
        Assert.Equal(3, _backend.LiveSessions);
    }

    [Fact]
    public void SameTokensAreKeptOnce()
    {
        Add([1, 2]);
        Add([1, 2]);
        Assert.Equal(1, _cache.Count);
        Assert.Equal(1, _backend.LiveSessions);
    }

    [Fact]
    public void AStateLargerThanTheLimitIsNotKept()
    {
        using PrefixCache small = new(StateBytes - 1);
        small.Add([1], LongContextPolicy.None, State([1]));
        Assert.Equal(0, small.Count);
        Assert.Equal(0, _backend.LiveSessions);
    }

    [Fact]
    public void AStateRestsWhileItIsKept()
    {
        int rested = 0;
        _backend.Offloading = () => rested++;
        Add([1]);
        Assert.Equal(1, rested);
        using IBackendSession found = _cache.Find([1], LongContextPolicy.None)!.Value.State;
        Assert.False(found.Info.IsOffloaded);
    }

    [Fact]
    public void AStateThatHasNoRoomToRestIsNotKept()
    {
        _backend.Offloading = () => throw new MambaOutOfMemoryException(MambaErrorCode.OutOfMemory, "full");
        Add([1]);
        Assert.Equal(0, _cache.Count);
        Assert.Equal(0, _backend.LiveSessions);
    }

    [Fact]
    public void NothingIsKeptAfterDisposal()
    {
        Add([1]);
        _cache.Dispose();
        Add([2]);
        Assert.Equal(0, _backend.LiveSessions);
    }

    [Fact]
    public void AStateOfAnotherPolicyIsNoneOfThisPrompt()
    {
        LongContextPolicy window = LongContextPolicy.RestartWindow(64);
        Add([1]);
        IBackendSession state = State([1, 2]);
        state.SetPolicy(window);
        _cache.Add([1, 2], window, state);

        Assert.Equal("1", Find([1, 2, 3]));
        PrefixMatch match = _cache.Find([1, 2, 3], LongContextPolicy.RestartWindow(64))!.Value;
        Assert.Equal((2, window), (match.Length, match.State.Info.Policy));
        match.State.Dispose();
        Assert.Null(_cache.Find([1, 2, 3], LongContextPolicy.RestartWindow(128)));

        // The same tokens under two policies are two states.
        Add([1, 2]);
        Assert.Equal(3, _cache.Count);
    }

    [Fact]
    public void AStateThatWasSwitchedOnItsWayIsFoundByThePolicyItBeganWith()
    {
        LongContextPolicy window = LongContextPolicy.RestartWindow(64);
        IBackendSession state = State([1, 2]);
        state.SetPolicy(window);
        _cache.Add([1, 2], LongContextPolicy.None, state);

        Assert.Null(_cache.Find([1, 2, 3], window));
        PrefixMatch match = _cache.Find([1, 2, 3], LongContextPolicy.None)!.Value;
        Assert.Equal((2, window), (match.Length, match.State.Info.Policy));
        match.State.Dispose();
    }

    [Fact]
    public void HoldsWhatANaiveCacheHolds() => Prop.ForAll(
        Gen.Choose(0, 3).ArrayOf().ListOf().ToArbitrary(),
        prompts =>
        {
            using PrefixCache cache = new(3 * StateBytes);
            List<int[]> naive = [];
            foreach (int[] prompt in prompts)
            {
                int[]? expected = naive.Where(kept => kept.Length > 0 && prompt.AsSpan().StartsWith(kept)).MaxBy(kept => kept.Length);
                PrefixMatch? match = cache.Find(prompt, LongContextPolicy.None);
                match?.State.Dispose();
                if (match?.Length != expected?.Length)
                {
                    return false;
                }

                if (expected is not null)
                {
                    naive.Remove(expected);
                    naive.Add(expected);
                }

                naive.RemoveAll(kept => kept.SequenceEqual(prompt));
                naive.Add(prompt);
                cache.Add(prompt, LongContextPolicy.None, State(prompt));
                if (naive.Count > 3)
                {
                    naive.RemoveAt(0);
                }
            }

            return cache.Count == naive.Count;
        }).Check(PropertyConfig.Of(100));

    private void Add(int[] tokens) => _cache.Add(tokens, LongContextPolicy.None, State(tokens));

    private IBackendSession State(int[] tokens)
    {
        IBackendSession state = _backend.CreateSession();
        if (tokens.Length > 0)
        {
            _backend.Evaluate([new EvaluationItem(state, tokens.Length, 0)], tokens, [], default);
        }

        return state;
    }

    private string? Find(int[] prompt)
    {
        using IBackendSession? state = _cache.Find(prompt, LongContextPolicy.None)?.State;
        return state is null ? null : string.Join(' ', MemoryMarshal.Cast<byte, int>(state.Save()).ToArray());
    }
}
