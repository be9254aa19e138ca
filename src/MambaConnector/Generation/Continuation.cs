namespace MambaConnector.Generation;

/// <summary>How a text goes on, token by token: sample, decode, look for the end. It knows nothing of the state: it takes the logits after each
/// token and says at the end how many of the tokens the state should hold.</summary>
internal sealed class Continuation
{
    private readonly GenerationPlan _plan;
    private readonly ITokenConstraint? _constraint;
    private readonly Sampler _sampler;
    private readonly StopMatcher _stops;
    private readonly TokenDecoder? _decoder;
    private readonly List<int> _tokens = [];
    private readonly List<int> _starts = [];

    /// <param name="model">The model.</param>
    /// <param name="plan">How to generate.</param>
    /// <param name="constraint">What the text must follow; null: nothing.</param>
    public Continuation(MambaModel model, GenerationPlan plan, ITokenConstraint? constraint = null)
    {
        _plan = plan;
        _constraint = constraint;

        // Rows of the head that no token has are padding, whoever declares them: the model or its tokenizer.
        int vocabSize = model.HasTokenizer ? Math.Min(model.Info.VocabSize, model.Tokenizer.VocabularySize) : model.Info.VocabSize;
        _sampler = new Sampler(plan.Sampling, vocabSize);
        _stops = new StopMatcher(plan.StopSequences);
        _decoder = model.HasTokenizer ? model.Tokenizer.CreateContinuationDecoder(plan.ShownTokens) : null;
    }

    /// <summary>The tokens chosen so far.</summary>
    public IReadOnlyList<int> Tokens => _tokens;

    /// <summary>After the last token: how many of <see cref="Tokens"/> the state should hold. An end token is not among them, nor what lies behind
    /// the cut of a stop sequence.</summary>
    public int KeptTokens { get; private set; }

    /// <summary>Counts the tokens before the text towards the penalties.</summary>
    public void Observe(ReadOnlySpan<int> tokens) => _sampler.Observe(tokens);

    /// <summary>Chooses the next token.</summary>
    /// <param name="logits">[padded_vocab_size], after the token before.</param>
    /// <exception cref="MambaException">No token can be chosen.</exception>
    public GeneratedToken Next(ReadOnlySpan<float> logits)
    {
        int token = Choose(logits);
        _sampler.Observe(token);
        _tokens.Add(token);
        _starts.Add(_stops.Position);
        if (_plan.StopTokens.Contains(token))
        {
            return End(token, Flush(), FinishReason.Stop, _tokens.Count - 1);
        }

        string text = _decoder is null ? "" : _stops.Append(_decoder.Append(token));
        if (_stops.IsMatched)
        {
            return End(token, text, FinishReason.Stop, _tokens.Count);
        }

        bool isComplete = _constraint?.IsComplete ?? false;
        if (!isComplete && _tokens.Count < _plan.MaxTokens)
        {
            return new GeneratedToken(token, text);
        }

        // What the decoder still held may complete a stop sequence.
        text += Flush();
        return End(token, text, isComplete || _stops.IsMatched ? FinishReason.Stop : FinishReason.Length, _tokens.Count);
    }

    private int Choose(ReadOnlySpan<float> logits)
    {
        if (_constraint is null)
        {
            return _sampler.Sample(logits);
        }

        while (true)
        {
            int token = _sampler.Sample(logits, _constraint.Mask);
            if (_constraint.TryAccept(token, _plan.MaxTokens - _tokens.Count - 1))
            {
                return token;
            }

            ReadOnlySpan<uint> mask = _constraint.Mask;
            if (mask.IsEmpty || TokenMask.Contains(mask, token))
            {
                throw new InvalidOperationException($"The constraint refused token {token}, but its mask goes on to allow it.");
            }
        }
    }

    private string Flush()
    {
        string text = _decoder is null ? "" : _stops.Append(_decoder.Flush());
        return _stops.IsMatched ? text : text + _stops.Flush();
    }

    /// <param name="token">The last token.</param>
    /// <param name="text">Its text.</param>
    /// <param name="reason">Why it is the last.</param>
    /// <param name="kept">Tokens to keep, but for those whose text begins at or behind the start of a stop sequence.</param>
    private GeneratedToken End(int token, string text, FinishReason reason, int kept)
    {
        while (_stops.IsMatched && kept > 0 && _starts[kept - 1] >= _stops.MatchStart)
        {
            kept--;
        }

        KeptTokens = kept;
        return new GeneratedToken(token, text, reason, _tokens.Count - kept);
    }
}
