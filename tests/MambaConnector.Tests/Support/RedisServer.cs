using System.ComponentModel;
using System.Diagnostics;

namespace MambaConnector.Tests.Support;

/// <summary>A redis-server of one test class: a child process on a socket in a folder of its own, which writes nothing to disk.</summary>
public sealed class RedisServer : IAsyncLifetime
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mamba-redis-");
    private Process? _process;
    private Task? _output;

    public string Socket => Path.Combine(_directory.FullName, "socket");

    public async Task InitializeAsync()
    {
        try
        {
            _process = Process.Start(new ProcessStartInfo(
                "redis-server",
                ["--port", "0", "--unixsocket", Socket, "--save", "", "--appendonly", "no", "--dir", _directory.FullName])
            {
                RedirectStandardOutput = true,
            })!;
        }
        catch (Win32Exception exception)
        {
            throw new InvalidOperationException(
                "These tests need redis-server on the PATH: install the package redis-server (Debian, Ubuntu) or redis.", exception);
        }

        List<string> lines = [];
        do
        {
            lines.Add(await _process.StandardOutput.ReadLineAsync() ??
                throw new InvalidOperationException($"redis-server ended: {string.Join('\n', lines)}"));
        }
        while (!lines[^1].Contains("ready to accept connections", StringComparison.OrdinalIgnoreCase));

        _output = _process.StandardOutput.ReadToEndAsync();
    }

    public async Task DisposeAsync()
    {
        if (_process is not null)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
            _process.Dispose();
        }

        if (_output is not null)
        {
            await _output;
        }

        _directory.Delete(recursive: true);
    }
}
