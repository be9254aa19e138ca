using System.Threading.Channels;

namespace MambaConnector.Scheduling;

/// <summary>A request under way, as its caller sees it: its tokens as they come, to be enumerated once, and then its result.</summary>
/// <remarks>An enumeration that is left before it has gone on from the token with the <see cref="GeneratedToken.FinishReason"/> ends the request and
/// frees its state, also that of a result which is already there.</remarks>
internal sealed class Sequence : IAsyncEnumerable<GeneratedToken>
{
    private readonly Channel<GeneratedToken> _tokens =
        Channel.CreateUnbounded<GeneratedToken>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });

    private readonly TaskCompletionSource<SequenceResult> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly CancellationTokenRegistration _registration;
    private volatile bool _isCancelled;
    private bool _isAbandoned;

    public Sequence(CancellationToken cancellationToken)
    {
        CancellationToken = cancellationToken;
        _registration = cancellationToken.UnsafeRegister(static self => ((Sequence)self!)._isCancelled = true, this);
    }

    /// <summary>The result, after the last token; it fails or is cancelled as the request is. Whoever awaits it owns the state in it.</summary>
    public Task<SequenceResult> Completion => _completion.Task;

    /// <summary>The caller's wish to stop.</summary>
    public CancellationToken CancellationToken { get; }

    /// <summary>Whether nobody waits for the request any more: the scheduler ends it before its next step.</summary>
    public bool IsCancelled => _isCancelled;

    /// <summary>The tokens as they come. Throws what the request failed with.</summary>
    public async IAsyncEnumerator<GeneratedToken> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        bool isFinished = false;
        try
        {
            while (await _tokens.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            {
                while (_tokens.Reader.TryRead(out GeneratedToken token))
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    CancellationToken.ThrowIfCancellationRequested();
                    yield return token;
                    isFinished = token.FinishReason is not null;
                }
            }

            await _completion.Task.ConfigureAwait(false);
        }
        finally
        {
            if (!isFinished)
            {
                Abandon();
            }
        }
    }

    /// <summary>Hands on a token.</summary>
    internal void Write(GeneratedToken token) => _tokens.Writer.TryWrite(token);

    /// <summary>Ends with a result.</summary>
    internal void Complete(SequenceResult result)
    {
        lock (_gate)
        {
            if (_isAbandoned)
            {
                result.State?.Dispose();
                _completion.TrySetCanceled(CancellationToken.None);
            }
            else
            {
                _completion.TrySetResult(result);
            }
        }

        Close();
    }

    /// <summary>Ends with a failure.</summary>
    internal void Fail(Exception exception)
    {
        if (exception is OperationCanceledException cancelled)
        {
            _completion.TrySetCanceled(cancelled.CancellationToken);
        }
        else
        {
            _completion.TrySetException(exception);

            // A caller that has left does not look at it any more.
            _ = _completion.Task.Exception;
        }

        Close();
    }

    private void Close()
    {
        _tokens.Writer.TryComplete();
        _registration.Dispose();
    }

    private void Abandon()
    {
        lock (_gate)
        {
            _isAbandoned = true;
            if (_completion.Task.IsCompletedSuccessfully)
            {
                _completion.Task.Result.State?.Dispose();
            }
        }

        _isCancelled = true;
    }
}
