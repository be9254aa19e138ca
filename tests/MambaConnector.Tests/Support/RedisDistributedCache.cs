using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Caching.Distributed;

namespace MambaConnector.Tests.Support;

/// <summary>A cache in a Redis server. A value is preceded by its sliding expiration (i64, milliseconds, 0: none).</summary>
internal sealed class RedisDistributedCache(RedisClient client) : AsyncDistributedCache
{
    public override async Task<byte[]?> GetAsync(string key, CancellationToken token = default)
    {
        token.ThrowIfCancellationRequested();
        if (await client.SendAsync(Text("GET"), Text(key)) is not byte[] value)
        {
            return null;
        }

        long sliding = BinaryPrimitives.ReadInt64LittleEndian(value);
        if (sliding > 0)
        {
            await client.SendAsync(Text("PEXPIRE"), Text(key), Text(sliding));
        }

        return value[sizeof(long)..];
    }

    public override async Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default)
    {
        token.ThrowIfCancellationRequested();
        byte[] stored = new byte[sizeof(long) + value.Length];
        BinaryPrimitives.WriteInt64LittleEndian(stored, (long)(options.SlidingExpiration?.TotalMilliseconds ?? 0));
        value.CopyTo(stored, sizeof(long));
        TimeSpan? lifetime = options.SlidingExpiration ?? options.AbsoluteExpirationRelativeToNow;
        Assert.Equal("OK", lifetime is TimeSpan time
            ? await client.SendAsync(Text("SET"), Text(key), stored, Text("PX"), Text((long)time.TotalMilliseconds))
            : await client.SendAsync(Text("SET"), Text(key), stored));
    }

    public override async Task RemoveAsync(string key, CancellationToken token = default)
    {
        token.ThrowIfCancellationRequested();
        await client.SendAsync(Text("DEL"), Text(key));
    }

    private static ReadOnlyMemory<byte> Text(string text) => Encoding.UTF8.GetBytes(text);

    private static ReadOnlyMemory<byte> Text(long number) => Text(number.ToString(CultureInfo.InvariantCulture));
}
