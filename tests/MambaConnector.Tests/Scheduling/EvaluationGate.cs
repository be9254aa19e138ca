using System.Threading.Channels;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Scheduling;

/// <summary>Holds every evaluation of a backend before it begins, until the test lets it go. Open when it is disposed.</summary>
internal sealed class EvaluationGate : IDisposable
{
    private readonly Channel<bool> _reached = Channel.CreateUnbounded<bool>();
    private readonly object _lock = new();
    private int _passes;
    private bool _isOpen;

    public EvaluationGate(ScriptedBackend backend) => backend.Evaluating = _ => Pass();

    /// <summary>Completes when an evaluation stands before the gate.</summary>
    public Task ReachedAsync() => _reached.Reader.ReadAsync().AsTask();

    /// <summary>Lets the one that stands there go and waits for the next.</summary>
    public Task NextAsync()
    {
        lock (_lock)
        {
            _passes++;
            Monitor.PulseAll(_lock);
        }

        return ReachedAsync();
    }

    /// <summary>Lets it and all further ones go.</summary>
    public void Open()
    {
        lock (_lock)
        {
            _isOpen = true;
            Monitor.PulseAll(_lock);
        }
    }

    public void Dispose() => Open();

    private void Pass()
    {
        lock (_lock)
        {
            _reached.Writer.TryWrite(true);
            while (!_isOpen && _passes == 0)
            {
                Monitor.Wait(_lock);
            }

            _passes -= _isOpen ? 0 : 1;
        }
    }
}
