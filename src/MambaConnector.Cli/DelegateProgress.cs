namespace MambaConnector.Cli;

/// <summary>Unlike <see cref="Progress{T}"/> it reports at once, on the caller's thread.</summary>
/// <param name="report">Receives what is reported.</param>
internal sealed class DelegateProgress<T>(Action<T> report) : IProgress<T>
{
    /// <inheritdoc/>
    public void Report(T value) => report(value);
}
