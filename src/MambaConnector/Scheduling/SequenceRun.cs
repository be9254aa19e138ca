using System.Diagnostics;
using MambaConnector.Backend;
using MambaConnector.Generation;
using MambaConnector.LongContext;

namespace MambaConnector.Scheduling;

/// <summary>A request under way, as the scheduler sees it: its state, what that reads next, and what follows from the logits.</summary>
/// <remarks>Touched by one thread at a time: the scheduler's, or the one of the pool that takes its part of a step.</remarks>
internal sealed class SequenceRun
{
    /// <summary>The engine's chunk grid: cuts at absolute positions that are multiples of this change no bit.</summary>
    public const int ChunkTokens = 64;

    private readonly MambaModel _model;
    private readonly SequenceRequest _request;
    private readonly int[] _last = new int[1];
    private IBackendSession? _state;
    private IBackendSession? _promptEnd;
    private Continuation? _continuation;
    private Phase _phase = Phase.Prefill;
    private ReadOnlyMemory<int> _input;
    private int _read;
    private int _border;
    private long _position;
    private long _firstToken;
    private long _lastToken;
    private FinishReason _finishReason;

    /// <summary>Takes over the request's state.</summary>
    public SequenceRun(MambaModel model, SequenceRequest request, Sequence sequence, long number)
    {
        _model = model;
        _request = request;
        _state = request.State;
        _input = request.Prompt;
        Sequence = sequence;
        Number = number;
    }

    private enum Phase
    {
        /// <summary>Reads the prompt; logits at its end.</summary>
        Prefill,

        /// <summary>Reads the last token; logits after it.</summary>
        Decode,

        /// <summary>Reads what the state at the end still lacks.</summary>
        Settle,

        Done,
    }

    /// <summary>The caller's end.</summary>
    public Sequence Sequence { get; }

    /// <summary>Grows in order of arrival.</summary>
    public long Number { get; }

    /// <summary>The step in which it last had a part.</summary>
    public long LastStep { get; set; }

    /// <summary>What it failed with.</summary>
    public Exception? Failure { get; private set; }

    public bool IsEnded => _phase == Phase.Done || Failure is not null;

    /// <summary>Whether it reads in pieces: its prompt, or kept tokens once more. Else it takes one token a step.</summary>
    public bool IsReading => _phase == Phase.Prefill || _input.Length > 1;

    /// <summary>Whether its next token is a generated one whose logits are wanted.</summary>
    public bool IsDecoding => _phase == Phase.Decode;

    public IBackendSession State => _state!;

    /// <summary>Takes its place among those that run.</summary>
    public void Admit()
    {
        try
        {
            _state ??= _model.CreateState(_request.Policy ?? _model.Policy);

            // Undo would keep more states beside this one, and copy them now and then while others wait.
            _state.SetRollbackTokens(0);
            _position = _state.Info.TokenCount;
            if (_request.Monitor is not null)
            {
                _state.SetTracking(true);
            }
        }
        catch (Exception exception)
        {
            Fail(exception);
        }
    }

    /// <summary>From <paramref name="taken"/> tokens on: how many more reach the next place where its reading may be cut; 0 when there is
    /// none, or when its state is measured first.</summary>
    public int NextCut(int taken)
    {
        // Measured behind its piece, and where that is must not depend on who else is served: every such place is on the chunk grid.
        if (taken > 0 && _request.Monitor is { } monitor && (_position + taken) % monitor.Options.IntervalTokens == 0)
        {
            return 0;
        }

        int read = _read + taken;
        int border = _phase == Phase.Prefill && _border < _request.Borders.Count ? _request.Borders[_border] : _input.Length;
        int chunk = ChunkTokens - (int)((_position + taken) % ChunkTokens);
        return Math.Min(border - read, chunk);
    }

    /// <summary>The tokens that it reads next.</summary>
    public ReadOnlySpan<int> Input(int count) => _input.Span.Slice(_read, count);

    /// <summary>Rows of logits that it wants when it has read <paramref name="count"/> tokens.</summary>
    public int LogitsCount(int count) => _phase != Phase.Settle && _read + count == _input.Length ? 1 : 0;

    /// <summary>Goes on after its state has read <paramref name="count"/> tokens.</summary>
    /// <param name="count">Tokens read.</param>
    /// <param name="logits">[padded_vocab_size], or empty where it wanted none.</param>
    public void Advance(int count, ReadOnlySpan<float> logits)
    {
        try
        {
            _read += count;
            _position += count;
            if (_request.Monitor is { } monitor)
            {
                StateWatch.Look(monitor, State, _position - count);
            }

            if (_phase == Phase.Prefill)
            {
                ReachBorder();
            }

            if (_read < _input.Length)
            {
                return;
            }

            if (_phase == Phase.Settle)
            {
                _phase = Phase.Done;
            }
            else
            {
                Choose(logits);
            }
        }
        catch (Exception exception)
        {
            Fail(exception);
        }
    }

    /// <summary>Ends with a failure; only the first counts.</summary>
    public void Fail(Exception exception) => Failure ??= exception;

    /// <summary>Ends where nobody waits for it any more.</summary>
    public void FailIfCancelled()
    {
        if (Sequence.IsCancelled)
        {
            Fail(new OperationCanceledException(Sequence.CancellationToken));
        }
    }

    /// <summary>Tells the caller how it ended, and frees what the caller does not receive.</summary>
    public void Complete()
    {
        if (Failure is not null)
        {
            FreeStates();
            Sequence.Fail(Failure);
            return;
        }

        IBackendSession? state = null;
        if (_request.KeepState)
        {
            (state, _state) = (_state, null);
        }

        FreeStates();
        Sequence.Complete(new SequenceResult(
            state,
            [.. _continuation!.Tokens.Take(_continuation.KeptTokens)],
            _finishReason,
            Stopwatch.GetElapsedTime(_firstToken, _lastToken)));
    }

    private void FreeStates()
    {
        _state?.Dispose();
        _promptEnd?.Dispose();
        (_state, _promptEnd) = (null, null);
    }

    private void ReachBorder()
    {
        if (_border < _request.Borders.Count && _request.Borders[_border] == _read)
        {
            _border++;
            _request.OnBorder?.Invoke(_read, State.Clone());
        }

        // A stop sequence may take back tokens, and without undo only a copy leads back.
        if (_read == _input.Length && _request is { KeepState: true, Plan.StopSequences.Count: > 0 })
        {
            _promptEnd = State.Clone();
        }
    }

    private void Choose(ReadOnlySpan<float> logits)
    {
        if (_continuation is null)
        {
            _continuation = new Continuation(_model, _request.Plan, _request.Constraint);
            _continuation.Observe(_request.Context.Span);
            _continuation.Observe(_request.Prompt.Span);
        }

        GeneratedToken token = _continuation.Next(logits);
        _lastToken = Stopwatch.GetTimestamp();
        _firstToken = _continuation.Tokens.Count == 1 ? _lastToken : _firstToken;
        _last[0] = token.Id;
        Read(Phase.Decode, _last);
        Sequence.Write(token);
        if (token.FinishReason is FinishReason reason)
        {
            _finishReason = reason;
            Settle();
        }
    }

    /// <summary>After the last token: brings the state, which holds all tokens but that one, to those that are kept.</summary>
    private void Settle()
    {
        int kept = _continuation!.KeptTokens;
        int consumed = _continuation.Tokens.Count - 1;
        if (!_request.KeepState || kept == consumed)
        {
            _phase = Phase.Done;
        }
        else if (kept > consumed)
        {
            Read(Phase.Settle, _last);
        }
        else
        {
            State.Dispose();
            (_state, _promptEnd) = (_promptEnd, null);
            _position -= consumed;
            Read(kept > 0 ? Phase.Settle : Phase.Done, _continuation.Tokens.Take(kept).ToArray());
        }
    }

    private void Read(Phase phase, ReadOnlyMemory<int> input)
    {
        _phase = phase;
        _input = input;
        _read = 0;
    }
}
