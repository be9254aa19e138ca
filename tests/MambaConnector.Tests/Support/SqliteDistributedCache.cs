using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Caching.Distributed;

namespace MambaConnector.Tests.Support;

/// <summary>A cache in an SQLite file. Times are in ticks (UTC).</summary>
internal sealed class SqliteDistributedCache : AsyncDistributedCache
{
    private readonly string _connectionString;
    private readonly TimeProvider _time;

    public SqliteDistributedCache(string path, TimeProvider time)
    {
        _connectionString = new SqliteConnectionStringBuilder { DataSource = path, Pooling = false }.ToString();
        _time = time;
        using SqliteConnection connection = Open();
        Execute(connection, "CREATE TABLE IF NOT EXISTS cache (key TEXT PRIMARY KEY, value BLOB, sliding INTEGER, expires INTEGER)");
    }

    public override Task<byte[]?> GetAsync(string key, CancellationToken token = default)
    {
        token.ThrowIfCancellationRequested();
        using SqliteConnection connection = Open();
        Execute(connection, "DELETE FROM cache WHERE expires <= $now", ("$now", Now));
        Execute(
            connection, "UPDATE cache SET expires = $now + sliding WHERE key = $key AND sliding IS NOT NULL", ("$now", Now), ("$key", key));
        using SqliteCommand command = Command(connection, "SELECT value FROM cache WHERE key = $key", ("$key", key));
        return Task.FromResult((byte[]?)command.ExecuteScalar());
    }

    public override Task SetAsync(string key, byte[] value, DistributedCacheEntryOptions options, CancellationToken token = default)
    {
        token.ThrowIfCancellationRequested();
        TimeSpan? lifetime = options.SlidingExpiration ?? options.AbsoluteExpirationRelativeToNow;
        using SqliteConnection connection = Open();
        Execute(
            connection,
            "INSERT OR REPLACE INTO cache VALUES ($key, $value, $sliding, $expires)",
            ("$key", key),
            ("$value", value),
            ("$sliding", (object?)options.SlidingExpiration?.Ticks ?? DBNull.Value),
            ("$expires", lifetime is TimeSpan time ? Now + time.Ticks : DBNull.Value));
        return Task.CompletedTask;
    }

    public override Task RemoveAsync(string key, CancellationToken token = default)
    {
        token.ThrowIfCancellationRequested();
        using SqliteConnection connection = Open();
        Execute(connection, "DELETE FROM cache WHERE key = $key", ("$key", key));
        return Task.CompletedTask;
    }

    private long Now => _time.GetUtcNow().UtcTicks;

    private static void Execute(SqliteConnection connection, string text, params (string Name, object Value)[] parameters)
    {
        using SqliteCommand command = Command(connection, text, parameters);
        command.ExecuteNonQuery();
    }

    private static SqliteCommand Command(SqliteConnection connection, string text, params (string Name, object Value)[] parameters)
    {
        SqliteCommand command = connection.CreateCommand();
        command.CommandText = text;
        foreach ((string name, object value) in parameters)
        {
            command.Parameters.AddWithValue(name, value);
        }

        return command;
    }

    private SqliteConnection Open()
    {
        SqliteConnection connection = new(_connectionString);
        connection.Open();
        return connection;
    }
}
