using System.Runtime.InteropServices;
using Microsoft.Extensions.Caching.Distributed;

namespace MambaConnector;

/// <summary>Keeps the states of conversations in the application's distributed cache, so that any of its servers can continue any of
/// them.</summary>
/// <remarks>A state is one value under <see cref="KeyPrefix"/> and its id. The cache must take values of
/// <see cref="MambaModelInfo.StateBytes"/> and some kilobytes more (Redis: up to 512 MB), and limits their sum itself.</remarks>
public sealed class DistributedCacheConversationStore : IConversationStore
{
    /// <summary>What all keys begin with.</summary>
    public const string KeyPrefix = "mamba:conversation:";

    private readonly IDistributedCache _cache;
    private readonly DistributedCacheEntryOptions _expiration;

    /// <summary>Makes a store over a cache.</summary>
    /// <param name="cache">The cache; the caller's, not disposed here.</param>
    /// <param name="expiration">When states are forgotten; null: a day after they were last used.</param>
    public DistributedCacheConversationStore(IDistributedCache cache, DistributedCacheEntryOptions? expiration = null)
    {
        ArgumentNullException.ThrowIfNull(cache);
        _cache = cache;
        _expiration = expiration ?? new DistributedCacheEntryOptions { SlidingExpiration = TimeSpan.FromDays(1) };
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">No state can have the id.</exception>
    /// <exception cref="IOException">The cache failed; the inner exception is its own.</exception>
    public async ValueTask SaveAsync(string id, ReadOnlyMemory<byte> state, CancellationToken cancellationToken = default)
    {
        ConversationId.Check(id);
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            await _cache.SetAsync(KeyPrefix + id, ArrayOf(state), _expiration, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (!IsCancellation(exception, cancellationToken))
        {
            throw Failed("keep", id, exception);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="IOException">The cache failed; the inner exception is its own.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> LoadAsync(string id, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(id);
        cancellationToken.ThrowIfCancellationRequested();
        if (!ConversationId.IsValid(id))
        {
            return null;
        }

        try
        {
            byte[]? state = await _cache.GetAsync(KeyPrefix + id, cancellationToken).ConfigureAwait(false);
            return state is null ? default(ReadOnlyMemory<byte>?) : state;
        }
        catch (Exception exception) when (!IsCancellation(exception, cancellationToken))
        {
            throw Failed("return", id, exception);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="IOException">The cache failed; the inner exception is its own.</exception>
    public async ValueTask RemoveAsync(string id, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(id);
        cancellationToken.ThrowIfCancellationRequested();
        if (!ConversationId.IsValid(id))
        {
            return;
        }

        try
        {
            await _cache.RemoveAsync(KeyPrefix + id, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (!IsCancellation(exception, cancellationToken))
        {
            throw Failed("remove", id, exception);
        }
    }

    /// <summary>The bytes as the cache takes them, copied only where they are a part of an array: nobody changes them.</summary>
    private static byte[] ArrayOf(ReadOnlyMemory<byte> state) =>
        MemoryMarshal.TryGetArray(state, out ArraySegment<byte> part) && part.Count == part.Array!.Length ? part.Array : state.ToArray();

    private static bool IsCancellation(Exception exception, CancellationToken cancellationToken) =>
        exception is OperationCanceledException && cancellationToken.IsCancellationRequested;

    private static IOException Failed(string what, string id, Exception cause) =>
        new($"The distributed cache failed to {what} the state '{id}': {cause.Message}", cause);
}
