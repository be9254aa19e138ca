using System.Text;
using MambaConnector.Tests.Support;
using Microsoft.Extensions.Caching.Distributed;

namespace MambaConnector.Tests.Conversations;

/// <summary>States in a real redis-server.</summary>
public sealed class RedisConversationStoreTests : ConversationStoreContract, IClassFixture<RedisServer>, IAsyncLifetime, IDisposable
{
    private readonly RedisServer _server;
    private readonly RedisClient _client;

    public RedisConversationStoreTests(RedisServer server)
    {
        _server = server;
        _client = new RedisClient(server.Socket);
        Store = new DistributedCacheConversationStore(new RedisDistributedCache(_client));
    }

    protected override IConversationStore Store { get; }

    public Task InitializeAsync() => _client.SendAsync(Text("FLUSHALL"));

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => _client.Dispose();

    [Fact]
    public async Task AnotherConnectionFindsTheState()
    {
        byte[] state = new byte[10_000_000];
        new Random(5).NextBytes(state);
        await Store.SaveAsync("shared", state);
        using RedisClient other = new(_server.Socket);
        Assert.Equal(state, (await new DistributedCacheConversationStore(new RedisDistributedCache(other)).LoadAsync("shared"))?.ToArray());
    }

    [Fact]
    public async Task TheKeyIsThePrefixAndTheId()
    {
        await Store.SaveAsync("named", new byte[] { 1 });
        Assert.Equal(1L, await _client.SendAsync(Text("EXISTS"), Text("mamba:conversation:named")));
    }

    [Fact]
    public async Task EachLoadStartsTheSlidingExpirationAgain()
    {
        DistributedCacheConversationStore store = new(
            new RedisDistributedCache(_client), new DistributedCacheEntryOptions { SlidingExpiration = TimeSpan.FromHours(2) });
        await store.SaveAsync("sliding", new byte[] { 1 });
        Assert.InRange(await LifetimeAsync("sliding"), TimeSpan.FromHours(1), TimeSpan.FromHours(2));
        await _client.SendAsync(Text("PEXPIRE"), Text("mamba:conversation:sliding"), Text("600000"));
        Assert.NotNull(await store.LoadAsync("sliding"));
        Assert.InRange(await LifetimeAsync("sliding"), TimeSpan.FromHours(1), TimeSpan.FromHours(2));
    }

    [Fact]
    public async Task AStateThatRedisEvictedIsNotKept()
    {
        await Store.SaveAsync("evicted", new byte[] { 1 });
        await _client.SendAsync(Text("DEL"), Text("mamba:conversation:evicted"));
        Assert.Null(await Store.LoadAsync("evicted"));
    }

    [Fact]
    public async Task AServerThatRefusesAWriteIsQuoted()
    {
        await Store.SaveAsync("before", new byte[] { 1 });
        await _client.SendAsync(Text("CONFIG"), Text("SET"), Text("maxmemory"), Text("1"));
        try
        {
            IOException exception = await Assert.ThrowsAsync<IOException>(async () => await Store.SaveAsync("full", new byte[100]));
            Assert.Contains("'full'", exception.Message);
            Assert.Contains("OOM", exception.InnerException?.Message);
        }
        finally
        {
            await _client.SendAsync(Text("CONFIG"), Text("SET"), Text("maxmemory"), Text("0"));
        }

        Assert.Null(await Store.LoadAsync("full"));
        Assert.NotNull(await Store.LoadAsync("before"));
    }

    [Fact]
    public async Task AServerThatDiesIsAFailureNotAnUnknownConversation()
    {
        RedisServer server = new();
        await server.InitializeAsync();
        using RedisClient client = new(server.Socket);
        DistributedCacheConversationStore store = new(new RedisDistributedCache(client));
        await store.SaveAsync("a", new byte[] { 1 });
        await server.DisposeAsync();
        Assert.NotNull((await Assert.ThrowsAsync<IOException>(async () => await store.LoadAsync("a"))).InnerException);
        Assert.NotNull((await Assert.ThrowsAsync<IOException>(async () => await store.SaveAsync("b", new byte[] { 1 }))).InnerException);
        Assert.NotNull((await Assert.ThrowsAsync<IOException>(async () => await store.RemoveAsync("a"))).InnerException);
    }

    private async Task<TimeSpan> LifetimeAsync(string id) =>
        TimeSpan.FromMilliseconds((long)(await _client.SendAsync(Text("PTTL"), Text("mamba:conversation:" + id)))!);

    private static ReadOnlyMemory<byte> Text(string text) => Encoding.ASCII.GetBytes(text);
}
