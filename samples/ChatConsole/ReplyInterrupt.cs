namespace ChatConsole;

/// <summary>Ctrl+C while a reply is being written: it stops the reply, not the program.</summary>
internal sealed class ReplyInterrupt : IDisposable
{
    private readonly CancellationTokenSource _source = new();

    public ReplyInterrupt() => Console.CancelKeyPress += OnCancelKeyPress;

    /// <summary>Cancelled by Ctrl+C.</summary>
    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        Console.CancelKeyPress -= OnCancelKeyPress;
        _source.Dispose();
    }

    private void OnCancelKeyPress(object? sender, ConsoleCancelEventArgs arguments)
    {
        arguments.Cancel = true;
        try
        {
            _source.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The reply ended in this moment; this handler runs on a thread of its own.
        }
    }
}
