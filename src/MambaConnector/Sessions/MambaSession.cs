using System.Runtime.CompilerServices;
using MambaConnector.Backend;
using MambaConnector.Generation;

namespace MambaConnector;

/// <summary>A text that a model has read so far, as one state of constant size: it can be forked, saved, resumed and undone in milliseconds at any
/// length.</summary>
/// <remarks>A session serves one caller at a time: a second call while one runs throws <see cref="InvalidOperationException"/>. The properties may
/// be read from any thread. A call that fails or is cancelled leaves the session as it was before it.</remarks>
public sealed class MambaSession : IDisposable
{
    private readonly MambaModel _model;
    private readonly Lock _gate = new();
    private IBackendSession _state;
    private SessionInfo _info;
    private bool _isBusy;
    private bool _isDisposed;

    internal MambaSession(MambaModel model, IBackendSession state)
    {
        _model = model;
        _state = state;
        _info = state.Info;
    }

    /// <summary>The model.</summary>
    public MambaModel Model => _model;

    /// <summary>Tokens consumed since the session was empty.</summary>
    public long TokenCount => Info.TokenCount;

    /// <summary>Bytes of the state.</summary>
    public long StateBytes => Info.StateBytes;

    /// <summary>Whether the state of a session on a device rests in host memory (<see cref="Offload"/>).</summary>
    public bool IsOffloaded => Info.IsOffloaded;

    /// <summary>A hash over all consumed tokens in their order: equal texts have equal hashes.</summary>
    public ulong TokenHash => Info.TokenHash;

    /// <summary>Tokens that <see cref="Rollback"/> can undo now.</summary>
    public int RollbackAvailable => (int)Math.Min(Info.RollbackAvailable, int.MaxValue);

    private SessionInfo Info
    {
        get
        {
            lock (_gate)
            {
                return _info;
            }
        }
    }

    /// <summary>Reads tokens.</summary>
    /// <param name="tokens">Ids below <see cref="MambaModelInfo.PaddedVocabSize"/>.</param>
    /// <param name="cancellationToken">Ends the reading; the session is as before then.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is out of range.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void Append(ReadOnlySpan<int> tokens, CancellationToken cancellationToken = default)
    {
        CheckTokens(tokens);
        using Use use = Begin();
        Evaluate(_state, tokens, 0, [], cancellationToken);
    }

    /// <summary>Reads text: encoded as plain text, after the begin token where the model wants one and the session is empty.</summary>
    /// <param name="text">The text; nothing in it becomes a control token.</param>
    /// <param name="cancellationToken">Ends the reading; the session is as before then.</param>
    /// <exception cref="MambaFormatException">The model has no tokenizer.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void Append(string text, CancellationToken cancellationToken = default) => Append(Encode(text), cancellationToken);

    /// <summary>Reads tokens on a thread of the pool.</summary>
    /// <inheritdoc cref="Append(ReadOnlySpan{int}, CancellationToken)"/>
    public Task AppendAsync(ReadOnlyMemory<int> tokens, CancellationToken cancellationToken = default) =>
        Task.Run(() => Append(tokens.Span, cancellationToken), cancellationToken);

    /// <summary>Reads text on a thread of the pool.</summary>
    /// <inheritdoc cref="Append(string, CancellationToken)"/>
    public Task AppendAsync(string text, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(text);
        return Task.Run(() => Append(text, cancellationToken), cancellationToken);
    }

    /// <summary>Continues the text.</summary>
    /// <inheritdoc cref="GenerateAsync(ReadOnlyMemory{int}, GenerationOptions?, CancellationToken)"/>
    public IAsyncEnumerable<GeneratedToken> GenerateAsync(GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        GenerateAsync(ReadOnlyMemory<int>.Empty, options, cancellationToken);

    /// <summary>Reads a prompt, as <see cref="Append(string, CancellationToken)"/> does, and continues the text.</summary>
    /// <param name="prompt">Text to read first; nothing in it becomes a control token.</param>
    /// <param name="options">How to generate; null: as the model says.</param>
    /// <param name="cancellationToken">Ends the generation.</param>
    /// <inheritdoc cref="GenerateAsync(ReadOnlyMemory{int}, GenerationOptions?, CancellationToken)"/>
    public IAsyncEnumerable<GeneratedToken> GenerateAsync(
        string prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        GenerateAsync(Encode(prompt), options, cancellationToken);

    /// <summary>Reads a prompt and continues the text, a token a step.</summary>
    /// <param name="prompt">Tokens to read first; may be empty when the session is not.</param>
    /// <param name="options">How to generate; null: as the model says.</param>
    /// <param name="cancellationToken">Ends the generation.</param>
    /// <returns>The steps, each evaluated on a thread of the pool when it is asked for; the last has a
    /// <see cref="GeneratedToken.FinishReason"/>.</returns>
    /// <remarks>When the last step has been delivered, the session holds the prompt and the generated tokens but the last
    /// <see cref="GeneratedToken.RemovedTokens"/>. When the generation is cancelled, fails, or is left before its last step, the session is as it
    /// was before the call, without the prompt.</remarks>
    /// <exception cref="ArgumentException">An option is out of its range, or a token id is.</exception>
    /// <exception cref="InvalidOperationException">There is nothing to continue: session and prompt are empty.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public IAsyncEnumerable<GeneratedToken> GenerateAsync(
        ReadOnlyMemory<int> prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        GenerateAsync(prompt, options ?? new GenerationOptions(), null, cancellationToken);

    /// <summary>Reads a prompt and continues the text, as pieces of text.</summary>
    /// <inheritdoc cref="GenerateAsync(string, GenerationOptions?, CancellationToken)"/>
    public IAsyncEnumerable<string> GenerateTextAsync(
        string prompt, GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        TextOf(GenerateAsync(prompt, options, cancellationToken));

    /// <summary>Continues the text, as pieces of text.</summary>
    /// <inheritdoc cref="GenerateAsync(GenerationOptions?, CancellationToken)"/>
    public IAsyncEnumerable<string> GenerateTextAsync(GenerationOptions? options = null, CancellationToken cancellationToken = default) =>
        TextOf(GenerateAsync(options, cancellationToken));

    /// <summary>The logits after the last token, [<see cref="MambaModelInfo.PaddedVocabSize"/>].</summary>
    /// <exception cref="InvalidOperationException">The session is empty.</exception>
    public float[] GetLogits(CancellationToken cancellationToken = default)
    {
        using Use use = Begin();
        RequireTokens(_info.TokenCount);
        float[] logits = new float[_model.Info.PaddedVocabSize];
        Evaluate(_state, [], 1, logits, cancellationToken);
        return logits;
    }

    /// <summary>Reads tokens and returns the logits after each of them.</summary>
    /// <param name="tokens">Ids below <see cref="MambaModelInfo.PaddedVocabSize"/>.</param>
    /// <param name="logits">[tokens, <see cref="MambaModelInfo.PaddedVocabSize"/>]: row i predicts what follows token i.</param>
    /// <param name="cancellationToken">Ends the reading; the session is as before then.</param>
    /// <exception cref="ArgumentException">The length of <paramref name="logits"/> does not fit, or an id is out of range.</exception>
    public void EvaluateLogits(ReadOnlySpan<int> tokens, Span<float> logits, CancellationToken cancellationToken = default)
    {
        CheckTokens(tokens);
        if (logits.Length != (long)tokens.Length * _model.Info.PaddedVocabSize)
        {
            throw new ArgumentException(
                $"{tokens.Length} tokens need {(long)tokens.Length * _model.Info.PaddedVocabSize} logits, not {logits.Length}.", nameof(logits));
        }

        using Use use = Begin();
        Evaluate(_state, tokens, tokens.Length, logits, cancellationToken);
    }

    /// <summary>A second session in the same state. Both go on independently.</summary>
    /// <exception cref="MambaOutOfMemoryException">There is not enough memory for another state.</exception>
    public MambaSession Fork()
    {
        using Use use = Begin();
        return new MambaSession(_model, _state.Clone());
    }

    /// <summary>Moves the state of a session on a device, and what it keeps to undo with, to page-locked host memory, so that its place is
    /// free for others: for a session that rests. The next call that needs the state there brings it back, and all that is read then is the
    /// same. On the CPU it does nothing.</summary>
    /// <remarks>Returns while the copy is under way; other sessions go on meanwhile.</remarks>
    /// <exception cref="MambaOutOfMemoryException">There is not enough host memory; the session stays where it is.</exception>
    public void Offload()
    {
        using Use use = Begin();
        _state.Offload(toHost: true);
    }

    /// <summary>Begins to bring the state back that <see cref="Offload"/> moved, for a call that is soon to come. Where it is there already,
    /// does nothing.</summary>
    /// <exception cref="MambaOutOfMemoryException">There is not enough memory on the device; the session stays where it is.</exception>
    public void BringBack()
    {
        using Use use = Begin();
        _state.Offload(toHost: false);
    }

    /// <summary>Forgets everything.</summary>
    public void Reset()
    {
        using Use use = Begin();
        _state.Reset();
    }

    /// <summary>Undoes the last tokens exactly.</summary>
    /// <param name="tokens">At most <see cref="RollbackAvailable"/>.</param>
    /// <exception cref="MambaRollbackException">The session can undo fewer; nothing is changed.</exception>
    public void Rollback(int tokens)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        using Use use = Begin();
        _state.Rollback(tokens);
    }

    /// <summary>Writes the state: versioned, checksummed, naming its model. <see cref="MambaModel.LoadSession(Stream)"/> reads it; what follows is
    /// then the same as if the session had never stopped.</summary>
    /// <param name="stream">Receives the state at its position.</param>
    public void Save(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write(SaveState());
    }

    /// <summary>Writes the state, as <see cref="Save"/> does.</summary>
    /// <param name="stream">Receives the state at its position.</param>
    /// <param name="cancellationToken">Ends the writing.</param>
    public async Task SaveAsync(Stream stream, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(stream);
        await stream.WriteAsync(SaveState(), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Frees the state; a call under way ends first.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (!_isDisposed)
            {
                _isDisposed = true;
                if (!_isBusy)
                {
                    _state.Dispose();
                }
            }
        }
    }

    internal static void DecodeBatch(
        MambaModel model, IReadOnlyList<MambaSession> sessions, ReadOnlySpan<int> tokens, Span<float> logits, CancellationToken cancellationToken)
    {
        EvaluationItem[] items = new EvaluationItem[sessions.Count];
        int entered = 0;
        try
        {
            for (; entered < items.Length; entered++)
            {
                MambaSession session = sessions[entered];
                if (session._model != model)
                {
                    throw new ArgumentException($"Session {entered} is of another model.", nameof(sessions));
                }

                session.CheckTokens(tokens.Slice(entered, 1));
                session.Enter();
                items[entered] = new EvaluationItem(session._state, 1, 1);
            }

            model.Backend.Evaluate(items, tokens, logits, cancellationToken);
        }
        finally
        {
            for (int index = 0; index < entered; index++)
            {
                sessions[index].Leave();
            }
        }
    }

    /// <summary>As the public method does; on the last step <paramref name="keepBefore"/> receives a session in the state from before the call,
    /// which needs a copy of it anyway.</summary>
    internal IAsyncEnumerable<GeneratedToken> GenerateAsync(
        ReadOnlyMemory<int> prompt, GenerationOptions options, Action<MambaSession>? keepBefore, CancellationToken cancellationToken)
    {
        CheckTokens(prompt.Span);
        return RunAsync(prompt, GenerationPlan.Create(_model, options), keepBefore, cancellationToken);
    }

    internal byte[] SaveState()
    {
        using Use use = Begin();
        return _state.Save();
    }

    private static async IAsyncEnumerable<string> TextOf(IAsyncEnumerable<GeneratedToken> tokens)
    {
        await foreach (GeneratedToken token in tokens.ConfigureAwait(false))
        {
            if (token.Text.Length > 0)
            {
                yield return token.Text;
            }
        }
    }

    private async IAsyncEnumerable<GeneratedToken> RunAsync(
        ReadOnlyMemory<int> prompt, GenerationPlan plan, Action<MambaSession>? keepBefore,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using Use use = Begin();
        RequireTokens(_info.TokenCount + prompt.Length);
        IBackendSession before = await Task.Run(_state.Clone, cancellationToken).ConfigureAwait(false);
        TokenGeneration generation = new(_model, _state, before, prompt, plan);
        bool isFinished = false;
        try
        {
            while (!isFinished)
            {
                GeneratedToken token = await Task.Run(() => generation.Next(cancellationToken), cancellationToken).ConfigureAwait(false);
                isFinished = token.FinishReason is not null;
                _state = generation.State;
                UpdateInfo();
                if (isFinished)
                {
                    keepBefore?.Invoke(new MambaSession(_model, before));
                }

                yield return token;
            }
        }
        finally
        {
            if (!isFinished)
            {
                generation.State.Dispose();
                _state = before;
            }
            else if (keepBefore is null)
            {
                before.Dispose();
            }
        }
    }

    private void Evaluate(
        IBackendSession state, ReadOnlySpan<int> tokens, int logitsCount, Span<float> logits, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (tokens.Length > 0 || logitsCount > 0)
        {
            _model.Backend.Evaluate([new EvaluationItem(state, tokens.Length, logitsCount)], tokens, logits, cancellationToken);
        }
    }

    private int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        MambaTokenizer tokenizer = _model.Tokenizer;
        return tokenizer.Encode(text, parseSpecial: false, addBos: tokenizer.AddsBos && TokenCount == 0);
    }

    private void CheckTokens(ReadOnlySpan<int> tokens)
    {
        for (int index = 0; index < tokens.Length; index++)
        {
            if ((uint)tokens[index] >= (uint)_model.Info.PaddedVocabSize)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(tokens),
                    tokens[index],
                    $"Token {index} is {tokens[index]}; the model's ids run from 0 to {_model.Info.PaddedVocabSize - 1}.");
            }
        }
    }

    private static void RequireTokens(long count)
    {
        if (count == 0)
        {
            throw new InvalidOperationException("There is nothing to continue: append a prompt first.");
        }
    }

    private void UpdateInfo()
    {
        SessionInfo info = _state.Info;
        lock (_gate)
        {
            _info = info;
        }
    }

    private Use Begin()
    {
        Enter();
        return new Use(this);
    }

    private void Enter()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_isBusy)
            {
                throw new InvalidOperationException("The session is in use by another call; it serves one caller at a time. Fork it to go two ways.");
            }

            _isBusy = true;
        }
    }

    private void Leave()
    {
        lock (_gate)
        {
            _isBusy = false;
            if (_isDisposed)
            {
                _state.Dispose();
            }
            else
            {
                _info = _state.Info;
            }
        }
    }

    /// <summary>The time in which a call has the session to itself.</summary>
    private readonly struct Use(MambaSession session) : IDisposable
    {
        public void Dispose() => session.Leave();
    }
}
