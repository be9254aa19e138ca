using Microsoft.Extensions.Caching.Distributed;

namespace MambaConnector.Tests.Support;

/// <summary>A distributed cache that is written once, asynchronously.</summary>
internal abstract class AsyncDistributedCache : IDistributedCache
{
    public byte[]? Get(string key) => GetAsync(key).GetAwaiter().GetResult();

    public void Set(string key, byte[] value, DistributedCacheEntryOptions options) =>
        SetAsync(key, value, options).GetAwaiter().GetResult();

    public void Refresh(string key) => RefreshAsync(key).GetAwaiter().GetResult();

    public void Remove(string key) => RemoveAsync(key).GetAwaiter().GetResult();

    public abstract Task<byte[]?> GetAsync(string key, CancellationToken token = default);

    public abstract Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default);

    public async Task RefreshAsync(string key, CancellationToken token = default) => await GetAsync(key, token);

    public abstract Task RemoveAsync(string key, CancellationToken token = default);
}
