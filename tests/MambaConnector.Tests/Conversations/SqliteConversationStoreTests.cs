using MambaConnector.Tests.Support;
using Microsoft.Extensions.Caching.Distributed;

namespace MambaConnector.Tests.Conversations;

/// <summary>States in an SQLite file behind a distributed cache.</summary>
public sealed class SqliteConversationStoreTests : ConversationStoreContract, IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mamba-sqlite-");
    private readonly ManualTime _time = new();

    public SqliteConversationStoreTests() => Store = Open();

    protected override IConversationStore Store { get; }

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task AnotherStoreOverTheSameFileFindsTheState()
    {
        await Store.SaveAsync("a", new byte[] { 1, 2, 3 });
        Assert.Equal([1, 2, 3], (await Open().LoadAsync("a"))?.ToArray());
    }

    [Fact]
    public async Task SlidingExpirationRunsFromTheLastLoad()
    {
        DistributedCacheConversationStore store = Open(new DistributedCacheEntryOptions { SlidingExpiration = TimeSpan.FromMinutes(10) });
        await store.SaveAsync("a", new byte[] { 1 });
        await store.SaveAsync("b", new byte[] { 1 });
        _time.Advance(TimeSpan.FromMinutes(9));
        Assert.NotNull(await store.LoadAsync("a"));
        _time.Advance(TimeSpan.FromMinutes(9));
        Assert.NotNull(await store.LoadAsync("a"));
        Assert.Null(await store.LoadAsync("b"));
    }

    [Fact]
    public async Task AbsoluteExpirationRunsFromTheSaving()
    {
        DistributedCacheConversationStore store = Open(
            new DistributedCacheEntryOptions { AbsoluteExpirationRelativeToNow = TimeSpan.FromMinutes(10) });
        await store.SaveAsync("a", new byte[] { 1 });
        _time.Advance(TimeSpan.FromMinutes(9));
        Assert.NotNull(await store.LoadAsync("a"));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(await store.LoadAsync("a"));
    }

    private DistributedCacheConversationStore Open(DistributedCacheEntryOptions? expiration = null) =>
        new(new SqliteDistributedCache(Path.Combine(_directory.FullName, "cache.db"), _time), expiration);
}
