using MambaConnector.Backend;

namespace MambaConnector.Generation;

/// <summary>One generation: evaluate, sample, decode, look for the end, a token a step.</summary>
/// <remarks>A sampled token is evaluated at the beginning of the next step, so an end token never enters the state.</remarks>
internal sealed class TokenGeneration
{
    private readonly MambaModel _model;
    private readonly IBackendSession _before;
    private readonly ReadOnlyMemory<int> _prompt;
    private readonly GenerationPlan _plan;
    private readonly Sampler _sampler;
    private readonly StopMatcher _stops;
    private readonly TokenDecoder? _decoder;
    private readonly float[] _logits;
    private readonly int[] _pending = new int[1];
    private readonly List<int> _tokens = [];
    private readonly List<int> _starts = [];

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
        _plan = plan;

        // Rows of the head that no token has are padding, whoever declares them: the model or its tokenizer.
        int vocabSize = model.HasTokenizer ? Math.Min(model.Info.VocabSize, model.Tokenizer.VocabularySize) : model.Info.VocabSize;
        _sampler = new Sampler(plan.Sampling, vocabSize);
        _stops = new StopMatcher(plan.StopSequences);
        _decoder = model.HasTokenizer ? model.Tokenizer.CreateContinuationDecoder() : null;
        _logits = new float[model.Info.PaddedVocabSize];
        foreach (int token in prompt.Span)
        {
            _sampler.Observe(token);
        }
    }

    /// <summary>The state: that of the constructor, unless removing a stop sequence needed another.</summary>
    public IBackendSession State { get; private set; }

    /// <summary>Takes the next step.</summary>
    public GeneratedToken Next(CancellationToken cancellationToken)
    {
        Evaluate(_tokens.Count == 0 ? _prompt.Span : _pending, 1, cancellationToken);
        int token = _sampler.Sample(_logits);
        _sampler.Observe(token);
        _tokens.Add(token);
        _starts.Add(_stops.Position);
        _pending[0] = token;
        if (_plan.StopTokens.Contains(token))
        {
            string rest = Flush();
            return new GeneratedToken(token, rest, FinishReason.Stop, _stops.IsMatched ? RemoveMatch(cancellationToken) : 1);
        }

        string text = _decoder is null ? "" : _stops.Append(_decoder.Append(token));
        if (_stops.IsMatched)
        {
            return new GeneratedToken(token, text, FinishReason.Stop, RemoveMatch(cancellationToken));
        }

        if (_tokens.Count < _plan.MaxTokens)
        {
            return new GeneratedToken(token, text);
        }

        // What the decoder still held may complete a stop sequence.
        text += Flush();
        if (_stops.IsMatched)
        {
            return new GeneratedToken(token, text, FinishReason.Stop, RemoveMatch(cancellationToken));
        }

        Evaluate(_pending, 0, cancellationToken);
        return new GeneratedToken(token, text, FinishReason.Length);
    }

    private string Flush()
    {
        string text = _decoder is null ? "" : _stops.Append(_decoder.Flush());
        return _stops.IsMatched ? text : text + _stops.Flush();
    }

    /// <summary>Brings the state to the last token that has text before the match.</summary>
    /// <returns>How many tokens it does not hold.</returns>
    private int RemoveMatch(CancellationToken cancellationToken)
    {
        // An end token is never kept.
        int kept = _plan.StopTokens.Contains(_pending[0]) ? _starts.Count - 1 : _starts.Count;
        while (kept > 0 && _starts[kept - 1] >= _stops.MatchStart)
        {
            kept--;
        }

        int consumed = _tokens.Count - 1;
        if (kept > consumed)
        {
            Evaluate(_pending, 0, cancellationToken);
        }
        else if (kept < consumed)
        {
            Remove(consumed - kept, kept, cancellationToken);
        }

        return _tokens.Count - kept;
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
            int[] tokens = [.. _prompt.Span, .. _tokens.Take(kept)];
            if (tokens.Length > 0)
            {
                _model.Backend.Evaluate([new EvaluationItem(replay, tokens.Length, 0)], tokens, [], cancellationToken);
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
