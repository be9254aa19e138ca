using System.Numerics;
using System.Runtime.InteropServices;
using MambaConnector.Backend;

namespace MambaConnector.Scheduling;

/// <summary>Serves many requests with one engine: what waits of all of them goes into one batch after the other.</summary>
/// <remarks>Thread-safe. One background thread, started with the first request, plans batches and waits for the engine; where many sequences decode,
/// sampling is spread over the pool, for the engine's threads rest then. A request's tokens do not depend on who else is served.</remarks>
internal sealed class Scheduler : IDisposable, IAsyncDisposable
{
    // Sampling a token takes some ten microseconds: fewer than this many are not worth waking other threads for.
    private const int ParallelThreshold = 4;

    private readonly MambaModel _model;
    private readonly int _maxConcurrency;
    private readonly int _maxQueueLength;
    private readonly ISchedulerObserver? _observer;
    private readonly int _width;
    private readonly BatchPlanner _planner;
    private readonly Thread _thread;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Guards the lists of waiting and running sequences; the thread waits on it while both are empty. Only the thread changes the second.
    private readonly object _gate = new();
    private readonly List<SequenceRun> _waiting = [];
    private readonly List<SequenceRun> _running = [];
    private bool _isDisposed;
    private bool _isStarted;
    private long _submitted;

    private readonly List<BatchPart> _parts = [];
    private readonly List<EvaluationItem> _items = [];
    private readonly List<int> _tokens = [];
    private readonly List<int> _rows = [];
    private float[] _logits = [];

    /// <param name="model">The model; it may be disposed before the scheduler, and requests fail then.</param>
    /// <param name="options">Its limits.</param>
    /// <param name="observer">Hears what is done.</param>
    public Scheduler(MambaModel model, MambaChatClientOptions options, ISchedulerObserver? observer = null)
    {
        _model = model;
        _maxConcurrency = options.MaxConcurrency;
        _maxQueueLength = options.MaxQueueLength;
        _observer = observer;
        _width = model.Info.PaddedVocabSize;
        _planner = new BatchPlanner(model.EngineInfo.MaxBatchTokens, options.PrefillSliceTokens);
        _thread = new Thread(Run) { IsBackground = true, Name = "MambaConnector scheduler" };
    }

    /// <summary>Takes a request in.</summary>
    /// <param name="request">What to read and how to go on. Its state is the scheduler's own from here on, also when this throws.</param>
    /// <param name="cancellationToken">Ends the request before its next step.</param>
    /// <exception cref="MambaBusyException">As many requests as may run and wait.</exception>
    /// <exception cref="ArgumentException">There is nothing to continue, or a border lies outside of the prompt.</exception>
    /// <exception cref="ObjectDisposedException">The scheduler is disposed.</exception>
    /// <exception cref="OperationCanceledException">The token is cancelled.</exception>
    public Sequence Submit(SequenceRequest request, CancellationToken cancellationToken)
    {
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            Check(request);
            Sequence sequence;
            lock (_gate)
            {
                if (_isDisposed)
                {
                    throw Disposed();
                }

                if (_waiting.Count + _running.Count >= (long)_maxConcurrency + _maxQueueLength)
                {
                    throw new MambaBusyException(_maxConcurrency, _maxQueueLength);
                }

                if (!_isStarted)
                {
                    // The thread serves all callers, so the first one's context is not its own.
                    _thread.UnsafeStart();
                    _isStarted = true;
                }

                sequence = new Sequence(cancellationToken);
                _waiting.Add(new SequenceRun(_model, request, sequence, _submitted++));
                Monitor.Pulse(_gate);
                _observer?.OnLoadChanged(_waiting.Count, _running.Count);
            }

            return sequence;
        }
        catch
        {
            request.State?.Dispose();
            throw;
        }
    }

    /// <summary>Ends all requests with <see cref="ObjectDisposedException"/> and waits until the step under way is done.</summary>
    public void Dispose()
    {
        if (Stop())
        {
            _thread.Join();
        }
    }

    /// <inheritdoc cref="Dispose"/>
    public async ValueTask DisposeAsync()
    {
        if (Stop())
        {
            await _ended.Task.ConfigureAwait(false);
            _thread.Join();
        }
    }

    private static ObjectDisposedException Disposed() => new(nameof(MambaChatClient));

    private static void Check(SequenceRequest request)
    {
        if (request.Prompt.IsEmpty && (request.State is null || request.State.Info.TokenCount == 0))
        {
            throw new ArgumentException("There is nothing to continue: state and prompt are empty.", nameof(request));
        }

        int last = 0;
        foreach (int border in request.Borders)
        {
            if (border <= last || border > request.Prompt.Length)
            {
                throw new ArgumentException(
                    $"Border {border} must be more than the one before it ({last}) and at most the prompt's {request.Prompt.Length} tokens.",
                    nameof(request));
            }

            last = border;
        }
    }

    /// <returns>Whether there is a thread to wait for.</returns>
    private bool Stop()
    {
        lock (_gate)
        {
            _isDisposed = true;
            Monitor.Pulse(_gate);
            return _isStarted;
        }
    }

    private void Run()
    {
        while (WaitForRequests())
        {
            DropCancelled();
            Admit();
            try
            {
                Step();
            }
            catch (Exception exception)
            {
                // Memory ran out between two evaluations: those who run cannot go on, others can.
                _running.ForEach(run => run.Fail(exception));
            }

            RemoveEnded();
        }

        _waiting.Concat(_running).ToList().ForEach(run => run.Fail(Disposed()));
        RemoveEnded();
        _ended.SetResult();
    }

    /// <returns>False when the scheduler is disposed: nothing comes or starts any more.</returns>
    private bool WaitForRequests()
    {
        lock (_gate)
        {
            while (_waiting.Count + _running.Count == 0 && !_isDisposed)
            {
                Monitor.Wait(_gate);
            }

            return !_isDisposed;
        }
    }

    private void DropCancelled()
    {
        lock (_gate)
        {
            foreach (SequenceRun run in _waiting.Concat(_running))
            {
                run.FailIfCancelled();
            }
        }

        RemoveEnded();
    }

    private void Admit()
    {
        int first = _running.Count;
        lock (_gate)
        {
            int count = Math.Min(_waiting.Count, _maxConcurrency - first);
            if (count == 0)
            {
                return;
            }

            _running.AddRange(_waiting.Take(count));
            _waiting.RemoveRange(0, count);
            _observer?.OnLoadChanged(_waiting.Count, _running.Count);
        }

        for (int index = first; index < _running.Count; index++)
        {
            _running[index].Admit();
        }
    }

    /// <summary>Makes room first and tells the callers then: one that comes back at once finds it.</summary>
    private void RemoveEnded()
    {
        List<SequenceRun> ended;
        lock (_gate)
        {
            ended = [.. _waiting.Concat(_running).Where(run => run.IsEnded)];
            if (ended.Count == 0)
            {
                return;
            }

            _waiting.RemoveAll(run => run.IsEnded);
            _running.RemoveAll(run => run.IsEnded);
            _observer?.OnLoadChanged(_waiting.Count, _running.Count);
        }

        ended.ForEach(run => run.Complete());
    }

    /// <summary>One batch: plan, evaluate, sample.</summary>
    private void Step()
    {
        _planner.Plan(_running, _parts);
        if (_parts.Count == 0)
        {
            return;
        }

        GatherInputs();
        try
        {
            Evaluate(CollectionsMarshal.AsSpan(_items), CollectionsMarshal.AsSpan(_tokens), _logits);
        }
        catch (Exception exception)
        {
            EvaluateAlone(exception);
        }

        Observe();
        if (_parts.Count < ParallelThreshold)
        {
            for (int index = 0; index < _parts.Count; index++)
            {
                Advance(index);
            }
        }
        else
        {
            Parallel.For(0, _parts.Count, Advance);
        }
    }

    private void GatherInputs()
    {
        _items.Clear();
        _tokens.Clear();
        _rows.Clear();
        int rows = 0;
        foreach ((SequenceRun run, int count) in _parts)
        {
            EvaluationItem item = new(run.State, count, run.LogitsCount(count));
            _items.Add(item);
            _tokens.AddRange(run.Input(count));
            _rows.Add(rows);
            rows += item.LogitsCount;
        }

        if (_logits.Length < rows * _width)
        {
            _logits = GC.AllocateUninitializedArray<float>((int)BitOperations.RoundUpToPowerOf2((uint)rows) * _width);
        }
    }

    /// <summary>After a batch failed, which moved no state: finds out whose part it was, so that the others go on.</summary>
    private void EvaluateAlone(Exception failure)
    {
        for (int index = 0; index < _parts.Count; index++)
        {
            SequenceRun run = _parts[index].Run;
            if (_parts.Count == 1)
            {
                run.Fail(failure);
                return;
            }

            try
            {
                EvaluationItem item = _items[index];
                Evaluate([item], run.Input(item.TokenCount), Logits(index));
            }
            catch (Exception exception)
            {
                run.Fail(exception);
            }
        }
    }

    // A batch is one slice of the engine, which runs to its end: there is nothing to cancel.
    private void Evaluate(ReadOnlySpan<EvaluationItem> items, ReadOnlySpan<int> tokens, Span<float> logits) =>
        _model.Backend.Evaluate(items, tokens, logits, CancellationToken.None);

    // Not where a failure would be taken for the engine's: what is evaluated must not be evaluated again.
    private void Observe()
    {
        if (_observer is null)
        {
            return;
        }

        int decoding = 0;
        int evaluated = 0;
        int tokens = 0;
        foreach ((SequenceRun run, int count) in _parts)
        {
            if (run.Failure is null)
            {
                decoding += run.IsDecoding ? 1 : 0;
                evaluated++;
                tokens += count;
            }
        }

        if (evaluated > 0)
        {
            _observer.OnEvaluated(decoding, evaluated - decoding, tokens);
        }
    }

    private Span<float> Logits(int index) => _logits.AsSpan(_rows[index] * _width, _items[index].LogitsCount * _width);

    private void Advance(int index)
    {
        (SequenceRun run, int count) = _parts[index];
        if (run.Failure is null)
        {
            run.Advance(count, Logits(index));
        }
    }
}
