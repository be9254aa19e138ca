using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using MambaConnector.Backend;
using MambaConnector.Generation;
using MambaConnector.LongContext;

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
    private bool _tracksDecay;
    private CollapseMonitor? _monitor;

    internal MambaSession(MambaModel model, IBackendSession state, bool tracksDecay = false)
    {
        _model = model;
        _state = state;
        _info = state.Info;
        _tracksDecay = tracksDecay;
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

    /// <summary>Whether the session adds up its step sizes, so that <see cref="GetStateStatistics"/> tells retention and horizon; they count from when it was
    /// switched on. Off at first; forks and saved sessions keep it. A change forgets what <see cref="Rollback"/> could undo.</summary>
    public bool TracksDecay
    {
        get
        {
            lock (_gate)
            {
                return _tracksDecay;
            }
        }

        set
        {
            using Use use = Begin();
            _state.SetTracking(value);
            _monitor?.Interrupt();
            lock (_gate)
            {
                _tracksDecay = value;
            }
        }
    }

    /// <summary>Tokens that <see cref="Rollback"/> can undo now.</summary>
    public int RollbackAvailable => (int)Math.Min(Info.RollbackAvailable, int.MaxValue);

    /// <summary>What keeps the state healthy past the model's training length. To set it takes effect with the next token, as for a policy that
    /// begins there; what came before stays in the state as it is. Forks, saved sessions, undo and reset keep it. A window that is set on a session
    /// that has read something begins at the next multiple of 64 tokens, and until r tokens behind that the state still holds what came
    /// before.</summary>
    /// <value>As <see cref="LongContextPolicy.Resolve"/> gives it: never <see cref="LongContextPolicy.Auto"/>. At first
    /// <see cref="MambaModelOptions.LongContextPolicy"/>, of a session that was saved its own.</value>
    /// <exception cref="ArgumentException">The policy does not fit the model; the session keeps the one it has.</exception>
    /// <exception cref="NotSupportedException">It is a <see cref="DifferenceWindowPolicy"/>, and the model runs on a device; the session keeps the
    /// one it has.</exception>
    public LongContextPolicy Policy
    {
        get => Info.Policy;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            LongContextPolicy policy = value.Resolve(_model.Info);
            using Use use = Begin();
            if (policy != _info.Policy)
            {
                _state.SetPolicy(policy);
                _monitor?.Interrupt();
            }
        }
    }

    /// <summary>Watches the state from here on; null: nobody does. It stops long inputs where it measures, which on the CPU changes no bit of what is read, and
    /// it switches <see cref="TracksDecay"/> on, which stays, and where it was off forgets what <see cref="Rollback"/> could undo. Forks and saved sessions have
    /// none.</summary>
    /// <remarks>A prompt of a generation, and a batch of <see cref="MambaModel.DecodeBatch"/>, are read whole and measured behind their end. What
    /// <see cref="Trace"/> reads is not measured.</remarks>
    /// <exception cref="ArgumentException">The monitor is for sessions of another model.</exception>
    /// <exception cref="InvalidOperationException">The monitor watches another session.</exception>
    public CollapseMonitor? Monitor
    {
        get
        {
            lock (_gate)
            {
                return _monitor;
            }
        }

        set
        {
            using Use use = Begin();
            if (value == _monitor)
            {
                return;
            }

            value?.Take(_model);
            bool tracks = _tracksDecay;
            try
            {
                if (value is not null)
                {
                    _state.SetTracking(true);
                    tracks = true;
                }
            }
            catch
            {
                value?.Release();
                throw;
            }

            _monitor?.Release();
            lock (_gate)
            {
                (_monitor, _tracksDecay) = (value, tracks);
            }
        }
    }

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
        Advance(tokens, [], cancellationToken);
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
    /// was before the call, without the prompt. Where a <see cref="Monitor"/> has begun the session anew
    /// (<see cref="CollapseAction.ResetAndReinject"/>), it holds that text alone at the end.</remarks>
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
        Advance(tokens, logits, cancellationToken);
    }

    /// <summary>Measures every head of every layer's state, as of the last token: one pass over it.</summary>
    /// <remarks>Cheapest where <see cref="TokenCount"/> is a multiple of 16: nothing waits to enter the state of Mamba-2 there, and elsewhere it is
    /// brought into a copy. <see cref="HeadStatistics.Retention"/> and what goes with it need <see cref="TracksDecay"/>.</remarks>
    public StateStatistics GetStateStatistics()
    {
        using Use use = Begin();
        return StateReader.Measure(_state, _model.Info);
    }

    /// <summary>Copies a layer's state as of the last token: [heads, head_dim, d_state] of Mamba-2, [d_inner, d_state] of Mamba-1.</summary>
    /// <param name="layer">From 0.</param>
    /// <param name="values">[<see cref="MambaModelInfo.DInner"/> * <see cref="MambaModelInfo.DState"/>].</param>
    /// <exception cref="ArgumentException">There is no such layer, or <paramref name="values"/> has another length.</exception>
    public void GetLayerState(int layer, Span<float> values)
    {
        CheckLayer(layer);
        int length = _model.Info.DInner * _model.Info.DState;
        if (values.Length != length)
        {
            throw new ArgumentException($"A layer's state has {length} values, not {values.Length}.", nameof(values));
        }

        using Use use = Begin();
        _state.CopyLayerState(layer, values);
    }

    /// <summary>Reads tokens as <see cref="Append(ReadOnlySpan{int}, CancellationToken)"/> does, to the same state, and tells what one layer did with each of
    /// them: for inspection, slow. On the CPU.</summary>
    /// <param name="layer">From 0.</param>
    /// <param name="tokens">Ids below <see cref="MambaModelInfo.PaddedVocabSize"/>.</param>
    /// <returns>[tokens, heads], a row a token; heads as in <see cref="StateStatistics"/>.</returns>
    /// <exception cref="ArgumentException">There is no such layer, or an id is out of range.</exception>
    /// <exception cref="NotSupportedException">The model runs on a device.</exception>
    public HeadStep[,] Trace(int layer, ReadOnlySpan<int> tokens)
    {
        CheckLayer(layer);
        CheckTokens(tokens);
        HeadStep[,] steps = new HeadStep[tokens.Length, StateHeads.Count(_model.Info)];
        using Use use = Begin();
        ref HeadStep first = ref Unsafe.As<byte, HeadStep>(ref MemoryMarshal.GetArrayDataReference(steps));
        _model.Backend.Trace(_state, tokens, layer, MemoryMarshal.CreateSpan(ref first, steps.Length));
        return steps;
    }

    /// <summary>A second session in the same state. Both go on independently.</summary>
    /// <exception cref="MambaOutOfMemoryException">There is not enough memory for another state.</exception>
    public MambaSession Fork()
    {
        using Use use = Begin();
        return new MambaSession(_model, _state.Clone(), _tracksDecay);
    }

    /// <summary>A new session whose states are made of those of texts that were each read alone: an approximation of having read them all, for the
    /// time of a few copies of the state. What it is worth depends on the model: measure it on yours (docs/documents.md, "Merging states").</summary>
    /// <param name="sessions">1 to 256 sessions of one model, each once, which stay as they are. Each has <see cref="TracksDecay"/> on since before
    /// its first token, and no <see cref="Policy"/>.</param>
    /// <param name="merge">Which orders of the texts the state is to stand for.</param>
    /// <remarks>
    /// <para>To a layer a text u is the map S -> P_u S + H_u, with H_u the state behind the text alone and P_u = exp(A sum dt) what its step sizes
    /// leave of what was there before. The merged state is the mean over the orders of these maps, one after another from zero (CASO, PICASO-R and
    /// PICASO-S of arXiv 2502.17605). For one layer it is exact, but for the d_conv - 1 inputs that the convolution lacks where a text begins; in
    /// later layers it is not, as their inputs depend on what came before.</para>
    /// <para>Until it reads a token, the new session's logits are those of the last one: append something before anything is generated. Its
    /// <see cref="TokenCount"/> is the sum of theirs. It has read no text: its <see cref="TokenHash"/> is one of the merge and of their hashes, in
    /// order, so that neither it nor what is saved of it passes for a text's. <see cref="TracksDecay"/> is on, with the sums of all, so that it can
    /// be merged in its turn. It has no policy and no monitor, and nothing in front of the merge can be undone.</para>
    /// </remarks>
    /// <exception cref="ArgumentException">There are none or too many, one is null, stands there twice, is of another model, is empty, or did not
    /// track its decay from its first token on; or there is no such merge.</exception>
    /// <exception cref="NotSupportedException">A session is under a policy, or the model runs on a device.</exception>
    /// <exception cref="MambaOutOfMemoryException">There is not enough memory for another state.</exception>
    [Experimental("MAMBA001")]
    public static MambaSession Merge(IReadOnlyList<MambaSession> sessions, StateMerge merge)
    {
        ArgumentNullException.ThrowIfNull(sessions);
        if (!Enum.IsDefined(merge))
        {
            throw new ArgumentOutOfRangeException(nameof(merge), merge, "There is no such merge.");
        }

        MambaSession[] parts = [.. sessions];
        if (parts.Length == 0)
        {
            throw new ArgumentException("There is no session to merge.", nameof(sessions));
        }

        int absent = Array.IndexOf(parts, null);
        if (absent >= 0)
        {
            throw new ArgumentException($"Session {absent} is null.", nameof(sessions));
        }

        MambaModel model = parts[0]._model;
        for (int index = 0; index < parts.Length; index++)
        {
            if (parts[index]._model != model)
            {
                throw new ArgumentException($"Session {index} is of another model than the first.", nameof(sessions));
            }

            if (Array.IndexOf(parts, parts[index]) < index)
            {
                throw new ArgumentException($"Session {index} stands there twice: fork it.", nameof(sessions));
            }
        }

        int entered = 0;
        try
        {
            for (; entered < parts.Length; entered++)
            {
                parts[entered].Enter();
            }

            return new MambaSession(model, model.Backend.MergeSessions([.. parts.Select(part => part._state)], merge), tracksDecay: true);
        }
        finally
        {
            for (int index = 0; index < entered; index++)
            {
                parts[index].Leave();
            }
        }
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
        _monitor?.Restart();
    }

    /// <summary>Undoes the last tokens exactly.</summary>
    /// <param name="tokens">At most <see cref="RollbackAvailable"/>.</param>
    /// <exception cref="MambaRollbackException">The session can undo fewer; nothing is changed.</exception>
    public void Rollback(int tokens)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(tokens);
        using Use use = Begin();
        _state.Rollback(tokens);
        _monitor?.Undo(_info.TokenCount - tokens);
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
                    Free();
                }
            }
        }
    }

    /// <summary>As the public methods of the model do.</summary>
    /// <param name="model">The model.</param>
    /// <param name="sessions">Each once.</param>
    /// <param name="tokens">Those of all sessions, one session's behind the other's.</param>
    /// <param name="counts">How many are each session's, 1 or more.</param>
    /// <param name="logits">[sessions, padded_vocab_size].</param>
    /// <param name="cancellationToken">Ends the evaluation.</param>
    internal static void EvaluateBatch(
        MambaModel model, IReadOnlyList<MambaSession> sessions, ReadOnlySpan<int> tokens, ReadOnlySpan<int> counts, Span<float> logits,
        CancellationToken cancellationToken)
    {
        EvaluationItem[] items = new EvaluationItem[sessions.Count];
        int entered = 0;
        try
        {
            for (int start = 0; entered < items.Length; start += counts[entered], entered++)
            {
                MambaSession session = sessions[entered];
                if (session._model != model)
                {
                    throw new ArgumentException($"Session {entered} is of another model.", nameof(sessions));
                }

                session.CheckTokens(tokens.Slice(start, counts[entered]));
                session.Enter();
                items[entered] = new EvaluationItem(session._state, counts[entered], 1);
            }

            model.Backend.Evaluate(items, tokens, logits, cancellationToken);
            LookAtAll(sessions);
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

    /// <summary>Lets all monitors look; the sessions have moved whatever one of them throws.</summary>
    private static void LookAtAll(IReadOnlyList<MambaSession> sessions)
    {
        List<Exception> failures = [];
        foreach (MambaSession session in sessions)
        {
            try
            {
                session.Reinject(session.Look(session._info.TokenCount));
            }
            catch (Exception exception)
            {
                failures.Add(exception);
            }
        }

        if (failures.Count == 1)
        {
            ExceptionDispatchInfo.Throw(failures[0]);
        }
        else if (failures.Count > 1)
        {
            throw new AggregateException(failures);
        }
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
        long position = _info.TokenCount;
        string? text = null;
        try
        {
            while (!isFinished)
            {
                GeneratedToken token = await Task.Run(Step, cancellationToken).ConfigureAwait(false);
                isFinished = token.FinishReason is not null;
                UpdateInfo();
                if (isFinished)
                {
                    keepBefore?.Invoke(new MambaSession(_model, before, _tracksDecay));
                }

                yield return token;
            }
        }
        finally
        {
            if (!isFinished)
            {
                // Two where the text to begin anew with has taken the generation's place.
                generation.State.Dispose();
                _state.Dispose();
                _state = before;
                _monitor?.Undo(before.Info.TokenCount);
            }
            else if (keepBefore is null)
            {
                before.Dispose();
            }
        }

        GeneratedToken Step()
        {
            GeneratedToken token = generation.Next(cancellationToken);
            _state = generation.State;
            text = Look(position) ?? text;
            position = _state.Info.TokenCount;
            Reinject(token.FinishReason is null ? null : text);
            return token;
        }
    }

    /// <summary>Reads tokens, all or none; where the session is watched, up to each position where it is measured.</summary>
    /// <param name="tokens">Checked.</param>
    /// <param name="logits">[tokens, padded_vocab_size], or empty.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    private void Advance(ReadOnlySpan<int> tokens, Span<float> logits, CancellationToken cancellationToken)
    {
        // An input that comes to a measurement needs a way back even if it is read in one piece: what runs there may throw.
        if (_monitor is not { } monitor || tokens.Length < monitor.TokensToNext(_info.TokenCount))
        {
            Evaluate(_state, tokens, logits.IsEmpty ? 0 : tokens.Length, logits, cancellationToken);
            return;
        }

        int width = logits.IsEmpty ? 0 : _model.Info.PaddedVocabSize;
        IBackendSession before = _state.Clone();
        try
        {
            while (!tokens.IsEmpty)
            {
                long position = _state.Info.TokenCount;
                int count = Math.Min(tokens.Length, monitor.TokensToNext(position));
                Evaluate(_state, tokens[..count], width == 0 ? 0 : count, logits[..(count * width)], cancellationToken);
                tokens = tokens[count..];
                logits = logits[(count * width)..];
                Reinject(Look(position));
            }
        }
        catch
        {
            _state.Dispose();
            _state = before;
            monitor.Undo(_info.TokenCount);
            throw;
        }

        before.Dispose();
    }

    /// <summary>Lets the monitor look at the state, which was at a position before.</summary>
    /// <returns>The text to begin anew with; null: none.</returns>
    private string? Look(long before) => _monitor is { } monitor ? StateWatch.Look(monitor, _state, before) : null;

    /// <summary>Forgets everything and reads a text, if there is one: both or nothing.</summary>
    private void Reinject(string? text)
    {
        if (text is not null)
        {
            long position = _state.Info.TokenCount;
            MambaTokenizer tokenizer = _model.Tokenizer;
            int[] tokens = tokenizer.Encode(text, parseSpecial: false, addBos: tokenizer.AddsBos);
            IBackendSession anew = _state.Clone();
            try
            {
                anew.Reset();
                Evaluate(anew, tokens, 0, [], CancellationToken.None);
            }
            catch
            {
                anew.Dispose();
                throw;
            }

            _state.Dispose();
            _state = anew;
            _monitor!.Restart();
            _monitor.Acted(position);
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

    private void CheckLayer(int layer)
    {
        if ((uint)layer >= (uint)_model.Info.LayerCount)
        {
            throw new ArgumentOutOfRangeException(
                nameof(layer), layer, $"There is no layer {layer}: the model's layers run from 0 to {_model.Info.LayerCount - 1}.");
        }
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
                Free();
            }
            else
            {
                _info = _state.Info;
            }
        }
    }

    private void Free()
    {
        _monitor?.Release();
        _state.Dispose();
    }

    /// <summary>The time in which a call has the session to itself.</summary>
    private readonly struct Use(MambaSession session) : IDisposable
    {
        public void Dispose() => session.Leave();
    }
}
