using Microsoft.Extensions.Logging;

namespace MambaConnector.Tests.Telemetry;

/// <summary>A log that keeps its lines.</summary>
internal sealed class RecordedLog(LogLevel minimum = LogLevel.Trace) : ILoggerFactory, ILogger
{
    public List<(string Category, LogLevel Level, int Id, string Text, Exception? Exception)> Lines { get; } = [];

    private string _category = "";

    public ILogger CreateLogger(string categoryName)
    {
        _category = categoryName;
        return this;
    }

    public bool IsEnabled(LogLevel logLevel) => logLevel >= minimum;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Lines.Add((_category, logLevel, eventId.Id, formatter(state, exception), exception));

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}
