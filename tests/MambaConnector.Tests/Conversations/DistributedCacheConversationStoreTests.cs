using Microsoft.Extensions.Caching.Distributed;
using Moq;

namespace MambaConnector.Tests.Conversations;

/// <summary>What a distributed cache is asked, and what becomes of its failures.</summary>
public sealed class DistributedCacheConversationStoreTests
{
    private readonly Mock<IDistributedCache> _cache = new(MockBehavior.Strict);

    [Fact]
    public async Task AWholeArrayIsHandedOnWithoutACopyAndADaysExpiration()
    {
        byte[] state = [1, 2, 3];
        _cache.Setup(cache => cache.SetAsync(
            "mamba:conversation:a",
            It.Is<byte[]>(value => ReferenceEquals(value, state)),
            It.Is<DistributedCacheEntryOptions>(options => options.SlidingExpiration == TimeSpan.FromDays(1)),
            It.IsAny<CancellationToken>())).Returns(Task.CompletedTask);
        await Store().SaveAsync("a", state);
        _cache.VerifyAll();
    }

    [Fact]
    public async Task FailuresOfTheCacheAreTheCauseOfAnIOException()
    {
        InvalidOperationException cause = new("no connection");
        _cache.Setup(cache => cache.GetAsync(It.IsAny<string>(), It.IsAny<CancellationToken>())).ThrowsAsync(cause);
        _cache.Setup(cache => cache.RemoveAsync(It.IsAny<string>(), It.IsAny<CancellationToken>())).ThrowsAsync(cause);
        _cache.Setup(cache => cache.SetAsync(
            It.IsAny<string>(), It.IsAny<byte[]>(), It.IsAny<DistributedCacheEntryOptions>(), It.IsAny<CancellationToken>()))
            .ThrowsAsync(cause);
        foreach (Func<Task> call in (Func<Task>[])
            [
                async () => await Store().SaveAsync("a", new byte[1]),
                async () => await Store().LoadAsync("a"),
                async () => await Store().RemoveAsync("a"),
            ])
        {
            IOException exception = await Assert.ThrowsAsync<IOException>(call);
            Assert.Same(cause, exception.InnerException);
            Assert.Contains("'a'", exception.Message);
            Assert.Contains("no connection", exception.Message);
        }
    }

    [Fact]
    public async Task ACallersCancellationIsNoFailureOfTheCacheButItsOwnTimeoutIs()
    {
        using CancellationTokenSource source = new();
        _cache.Setup(cache => cache.GetAsync("mamba:conversation:a", It.IsAny<CancellationToken>()))
            .Returns(async (string _, CancellationToken token) =>
            {
                await source.CancelAsync();
                token.ThrowIfCancellationRequested();
                throw new TaskCanceledException("a timeout of the cache");
            });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await Store().LoadAsync("a", source.Token));
        IOException exception = await Assert.ThrowsAsync<IOException>(async () => await Store().LoadAsync("a", CancellationToken.None));
        Assert.IsType<TaskCanceledException>(exception.InnerException);
    }

    private DistributedCacheConversationStore Store() => new(_cache.Object);
}
