using System.Runtime.InteropServices;
using MambaConnector.Backend;

namespace MambaConnector.Tests.Support;

/// <summary>A backend without a model: the logits are a function of the tokens that a session has read. Thread-safe, as its interface promises:
/// evaluations take turns.</summary>
internal sealed class ScriptedBackend(Func<IReadOnlyList<int>, float[]> logits, int vocabSize, int padding = 4) : IInferenceBackend
{
    private readonly Lock _evaluating = new();
    private int _liveSessions;

    /// <summary>A backend that always prefers one token.</summary>
    public ScriptedBackend(Func<IReadOnlyList<int>, int> next, int vocabSize)
        : this(history => Prefer(next(history), vocabSize + 4), vocabSize)
    {
    }

    public int RollbackCapacity { get; init; } = 16;

    public int MaxBatchTokens { get; init; } = 64;

    public string Device { get; init; } = "cpu";

    /// <summary>Called with the tokens of each evaluation before it changes anything.</summary>
    public Action<int[]>? Evaluating { get; set; }

    /// <summary>Called with the items of each evaluation before it changes anything.</summary>
    public Action<EvaluationItem[]>? EvaluatingItems { get; set; }

    /// <summary>Called before a state moves to host memory.</summary>
    public Action? Offloading { get; set; }

    /// <summary>Called with a session's policy before it is set.</summary>
    public Action<LongContextPolicy>? SettingPolicy { get; set; }

    /// <summary>The norm of a state's only head, from its tokens and policy.</summary>
    public Func<IReadOnlyList<int>, LongContextPolicy, float> Norm { get; set; } = (_, _) => 1;

    /// <summary>Called when the model is disposed.</summary>
    public Action? Disposing { get; set; }

    /// <summary>Sessions that were made and not disposed.</summary>
    public int LiveSessions => Volatile.Read(ref _liveSessions);

    public int Evaluations { get; private set; }

    public MambaModelInfo ModelInfo { get; set; } = new()
    {
        Architecture = MambaArchitecture.Mamba2,
        WeightType = MambaWeightType.F32,
        LayerCount = 1,
        DModel = 1,
        DInner = 2,
        DState = 1,
        DConv = 4,
        DtRank = 0,
        HeadCount = 1,
        HeadDim = 2,
        GroupCount = 1,
        VocabSize = vocabSize,
        PaddedVocabSize = vocabSize + padding,
        TiedEmbeddings = true,
        TrainingLength = 0,
        ParameterCount = 1,
        WeightBytes = 4,
        StateBytes = 100,
        StateGrowthBytes = 0,
        Fingerprint = "scripted",
    };

    public MambaEngineInfo EngineInfo => new()
    {
        Device = Device,
        Isa = MambaIsa.Scalar,
        ThreadCount = 1,
        MaxBatchTokens = MaxBatchTokens,
        RollbackTokens = RollbackCapacity,
        MemoryBytes = 0,
        Evaluations = Evaluations,
        TokensEvaluated = 0,
    };

    public IBackendSession CreateSession() => new Session(this, []);

    public IBackendSession LoadSession(ReadOnlySpan<byte> state) => Session.Load(this, MemoryMarshal.Cast<byte, int>(state));

    /// <summary>The tokens of all behind each other.</summary>
    public IBackendSession MergeSessions(IReadOnlyList<IBackendSession> sessions, StateMerge merge) =>
        new Session(this, [.. sessions.SelectMany(session => ((Session)session).Tokens)]);

    public void Evaluate(ReadOnlySpan<EvaluationItem> items, ReadOnlySpan<int> tokens, Span<float> rows, CancellationToken cancellationToken)
    {
        using Lock.Scope scope = _evaluating.EnterScope();
        Evaluating?.Invoke(tokens.ToArray());
        EvaluatingItems?.Invoke(items.ToArray());
        cancellationToken.ThrowIfCancellationRequested();
        Evaluations++;
        int token = 0;
        int row = 0;
        foreach (EvaluationItem item in items)
        {
            Session session = (Session)item.Session;
            session.RequireLive();
            for (int index = 0; index < item.TokenCount; index++)
            {
                session.Push(tokens[token++]);
                if (item.TokenCount - index <= item.LogitsCount)
                {
                    logits(session.Tokens).CopyTo(rows[(ModelInfo.PaddedVocabSize * row++)..]);
                }
            }

            if (item is { TokenCount: 0, LogitsCount: 1 })
            {
                logits(session.Tokens).CopyTo(rows[(ModelInfo.PaddedVocabSize * row++)..]);
            }
        }
    }

    public void Trace(IBackendSession session, ReadOnlySpan<int> tokens, int layer, Span<HeadStep> steps)
    {
        Evaluate([new EvaluationItem(session, tokens.Length, 0)], tokens, [], CancellationToken.None);
        for (int index = 0; index < steps.Length; index++)
        {
            steps[index] = new HeadStep(tokens[index], -1, layer, 0.5f);
        }
    }

    public double MeasureBandwidth() => 1e9;

    public void Write(
        string path, MambaWeightType weightType, ReadOnlySpan<byte> metadata, Action<long, long>? progress, CancellationToken cancellationToken) =>
        File.WriteAllBytes(path, metadata);

    public void Dispose() => Disposing?.Invoke();

    /// <summary>Logits of 10 for one token and -10 for the others.</summary>
    public static float[] Prefer(int token, int length)
    {
        float[] row = new float[length];
        Array.Fill(row, -10f);
        row[token] = 10f;
        return row;
    }

    private sealed class Session : IBackendSession
    {
        // Stands behind the tokens of a saved state that has a policy, whose text follows.
        private const int PolicyMark = -1;

        private readonly ScriptedBackend _backend;
        private readonly List<int> _tokens;
        private LongContextPolicy _policy = LongContextPolicy.None;
        private long _reach;
        private long _ring;
        private bool _isDisposed;

        public Session(ScriptedBackend backend, List<int> tokens)
        {
            _backend = backend;
            _tokens = tokens;
            _reach = backend.RollbackCapacity;
            Interlocked.Increment(ref backend._liveSessions);
        }

        public IReadOnlyList<int> Tokens => _tokens;

        public bool IsOffloaded { get; private set; }

        public SessionInfo Info
        {
            get
            {
                RequireLive();
                ulong hash = 14695981039346656037;
                foreach (int token in _tokens)
                {
                    hash = (hash ^ (uint)token) * 1099511628211;
                }

                return new SessionInfo(_tokens.Count, 100, _ring, hash, _policy, IsOffloaded);
            }
        }

        public void Push(int token)
        {
            _tokens.Add(token);
            IsOffloaded = false;
            _ring = Math.Min(_ring + 1, _reach);
        }

        public IBackendSession Clone()
        {
            RequireLive();
            return new Session(_backend, [.. _tokens]) { _policy = _policy, _reach = _reach, _ring = _ring, IsTracked = IsTracked };
        }

        public void Offload(bool toHost)
        {
            RequireLive();
            if (toHost)
            {
                _backend.Offloading?.Invoke();
            }

            IsOffloaded = toHost;
        }

        public void Reset()
        {
            _tokens.Clear();
            _ring = 0;
        }

        public void SetRollbackTokens(long tokens)
        {
            RequireLive();
            _reach = tokens;
            _ring = Math.Min(_ring, tokens);
        }

        public void SetPolicy(LongContextPolicy policy)
        {
            RequireLive();
            _backend.SettingPolicy?.Invoke(policy);
            _policy = policy;
        }

        public bool IsTracked { get; private set; }

        public void SetTracking(bool on)
        {
            RequireLive();
            IsTracked = on;
        }

        public void GetStatistics(int layer, Span<HeadStatistics> heads)
        {
            RequireLive();
            float norm = _backend.Norm(_tokens, _policy);
            double log = IsTracked ? -0.001 * _tokens.Count : double.NaN;
            heads[0] = new HeadStatistics(norm, norm * norm / 2, norm / 1.5f, norm / MathF.Sqrt(2), (float)Math.Exp(log), 1000, log);
        }

        public void CopyLayerState(int layer, Span<float> values)
        {
            RequireLive();
            values.Fill(_tokens.Count);
        }

        public void Rollback(long count)
        {
            if (count > _ring)
            {
                throw new MambaRollbackException(MambaErrorCode.NotRollbackable, $"{count} tokens are more than the {_ring} that can be undone.");
            }

            _tokens.RemoveRange(_tokens.Count - (int)count, (int)count);
            _ring -= count;
        }

        public int SavedBytes => Saved().Length * sizeof(int);

        public static Session Load(ScriptedBackend backend, ReadOnlySpan<int> saved)
        {
            int mark = saved.IndexOf(PolicyMark);
            Session session = new(backend, [.. mark < 0 ? saved : saved[..mark]]);
            session._policy = mark < 0
                ? LongContextPolicy.None
                : LongContextPolicy.Parse(string.Concat(saved[(mark + 1)..].ToArray().Select(character => (char)character)));
            return session;
        }

        public void Save(Span<byte> destination) => MemoryMarshal.AsBytes<int>(Saved()).CopyTo(destination);

        private int[] Saved() =>
            _policy == LongContextPolicy.None ? [.. _tokens] : [.. _tokens, PolicyMark, .. _policy.ToString().Select(character => (int)character)];

        public void RequireLive() => ObjectDisposedException.ThrowIf(_isDisposed, this);

        public void Dispose()
        {
            if (!_isDisposed)
            {
                _isDisposed = true;
                Interlocked.Decrement(ref _backend._liveSessions);
            }
        }
    }
}
