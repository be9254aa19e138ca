using MambaConnector.Backend;

namespace MambaConnector.Generation;

/// <summary>One generation on a state of its own: evaluate, then let the <see cref="Continuation"/> choose, a token a step.</summary>
/// <remarks>A sampled token is evaluated at the beginning of the next step, so an end token never enters the state.</remarks>
internal sealed class TokenGeneration
{
    private readonly MambaModel _model;
    private readonly IBackendSession _before;
    private readonly ReadOnlyMemory<int> _prompt;
    private readonly Continuation _continuation;
    private readonly float[] _logits;
    private readonly int[] _pending = new int[1];

    /// <param name="model">The model.</param>
    /// <param name="state">The state to advance; owned by the caller.</param>
    /// <param name="before">A copy of it from before, which stays as it is.</param>
    /// <param name="prompt">Tokens to read first.</param>
    /// <param name="plan">How to generate.</param>
    public TokenGeneration(MambaModel model, IBackendSession state, IBackendSession before, ReadOnlyMemory<int> prompt, GenerationPlan plan)
    {
        _model = model;
        State = state;
        _before = before;
        _prompt = prompt;
        _continuation = new Continuation(model, plan);
        _continuation.Observe(prompt.Span);
        _logits = new float[model.Info.PaddedVocabSize];
    }

    /// <summary>The state: that of the constructor, unless removing a stop sequence needed another.</summary>
    public IBackendSession State { get; private set; }

    /// <summary>Takes the next step.</summary>
    public GeneratedToken Next(CancellationToken cancellationToken)
    {
        Evaluate(_continuation.Tokens.Count == 0 ? _prompt.Span : _pending, 1, cancellationToken);
        GeneratedToken token = _continuation.Next(_logits);
        _pending[0] = token.Id;
        if (token.FinishReason is not null)
        {
            Keep(_continuation.KeptTokens, cancellationToken);
        }

        return token;
    }

    /// <summary>Brings the state, which holds all tokens but the last, to the first <paramref name="kept"/>.</summary>
    private void Keep(int kept, CancellationToken cancellationToken)
    {
        int consumed = _continuation.Tokens.Count - 1;
        if (kept > consumed)
        {
            Evaluate(_pending, 0, cancellationToken);
        }
        else if (kept < consumed)
        {
            Remove(consumed - kept, kept, cancellationToken);
        }
    }

    private void Remove(int count, int kept, CancellationToken cancellationToken)
    {
        if (count <= State.Info.RollbackAvailable)
        {
            State.Rollback(count);
            return;
        }

        // Further back than the session can undo: read what is kept once more, from the state before the call.
        IBackendSession replay = _before.Clone();
        try
        {
            int[] tokens = [.. _prompt.Span, .. _continuation.Tokens.Take(kept)];
            if (tokens.Length > 0)
            {
                _model.Backend.Evaluate([new EvaluationItem(replay, tokens.Length, 0)], tokens, [], cancellationToken);
            }

            // A monitor may have switched it since.
            LongContextPolicy policy = State.Info.Policy;
            if (policy != replay.Info.Policy)
            {
                replay.SetPolicy(policy);
            }
        }
        catch
        {
            replay.Dispose();
            throw;
        }

        State.Dispose();
        State = replay;
    }

    private void Evaluate(ReadOnlySpan<int> tokens, int logitsCount, CancellationToken cancellationToken) =>
        _model.Backend.Evaluate(
            [new EvaluationItem(State, tokens.Length, logitsCount)], tokens, logitsCount > 0 ? _logits : [], cancellationToken);
}
