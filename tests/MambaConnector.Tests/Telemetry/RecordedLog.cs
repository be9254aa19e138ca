using Microsoft.Extensions.Logging;

namespace MambaConnector.Tests.Telemetry;

/// <summary>A log that keeps its lines.</summary>
internal sealed class RecordedLog(LogLevel minimum = LogLevel.Trace) : ILoggerFactory
{
    public List<(string Category, LogLevel Level, int Id, string Text, Exception? Exception)> Lines { get; } = [];

    public ILogger CreateLogger(string categoryName) => new Category(this, categoryName, minimum);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public void Dispose()
    {
    }

    private sealed class Category(RecordedLog log, string name, LogLevel minimum) : ILogger
    {
        public bool IsEnabled(LogLevel logLevel) => logLevel >= minimum;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            log.Lines.Add((name, logLevel, eventId.Id, formatter(state, exception), exception));

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;
    }
}
