using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace MambaConnector.Tests.Support;

/// <summary>One connection that speaks RESP2, a command at a time.</summary>
internal sealed class RedisClient : IDisposable
{
    private readonly Socket _connection = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly BufferedStream _stream;
    private readonly SemaphoreSlim _gate = new(1);

    public RedisClient(string socket)
    {
        _connection.Connect(new UnixDomainSocketEndPoint(socket));
        _stream = new BufferedStream(new NetworkStream(_connection), 1 << 16);
    }

    public void Dispose()
    {
        _connection.Dispose();
        _gate.Dispose();
    }

    /// <returns>A <see cref="string"/> (simple), <see cref="long"/>, byte array (bulk), or null.</returns>
    /// <exception cref="InvalidOperationException">The server refused the command.</exception>
    /// <exception cref="IOException">The connection broke.</exception>
    public async Task<object?> SendAsync(params ReadOnlyMemory<byte>[] command)
    {
        await _gate.WaitAsync();
        try
        {
            await _stream.WriteAsync(Encoding.ASCII.GetBytes($"*{command.Length}\r\n"));
            foreach (ReadOnlyMemory<byte> part in command)
            {
                await _stream.WriteAsync(Encoding.ASCII.GetBytes($"${part.Length}\r\n"));
                await _stream.WriteAsync(part);
                await _stream.WriteAsync("\r\n"u8.ToArray());
            }

            await _stream.FlushAsync();
            string line = ReadLine();
            switch (line[0])
            {
                case '+':
                    return line[1..];
                case ':':
                    return long.Parse(line.AsSpan(1), CultureInfo.InvariantCulture);
                case '$' when line == "$-1":
                    return null;
                case '$':
                    byte[] value = new byte[int.Parse(line.AsSpan(1), CultureInfo.InvariantCulture)];
                    await _stream.ReadExactlyAsync(value);
                    Assert.Equal("", ReadLine());
                    return value;
                default:
                    throw new InvalidOperationException(line);
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    private string ReadLine()
    {
        StringBuilder line = new();
        for (int value = _stream.ReadByte(); value != '\r'; value = _stream.ReadByte())
        {
            line.Append(value >= 0 ? (char)value : throw new EndOfStreamException("The connection to redis-server is closed."));
        }

        Assert.Equal('\n', _stream.ReadByte());
        return line.ToString();
    }
}
