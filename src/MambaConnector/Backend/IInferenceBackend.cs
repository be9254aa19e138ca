namespace MambaConnector.Backend;

/// <summary>A model on a device. Thread-safe.</summary>
internal interface IInferenceBackend : IDisposable
{
    MambaModelInfo ModelInfo { get; }

    MambaEngineInfo EngineInfo { get; }

    IBackendSession CreateSession();

    /// <summary>A session in a state that <see cref="IBackendSession.Save()"/> wrote.</summary>
    IBackendSession LoadSession(ReadOnlySpan<byte> state);

    /// <summary>A session made of others, which stay as they are.</summary>
    /// <exception cref="ArgumentException">A session has not read all of its text with the sums of dt that it takes.</exception>
    /// <exception cref="NotSupportedException">A session is under a policy, or on a device.</exception>
    IBackendSession MergeSessions(IReadOnlyList<IBackendSession> sessions, StateMerge merge);

    /// <summary>Advances every session by its tokens, all or none, and writes the logits asked for, row after row in the order of the items,
    /// each [padded_vocab_size].</summary>
    void Evaluate(ReadOnlySpan<EvaluationItem> items, ReadOnlySpan<int> tokens, Span<float> logits, CancellationToken cancellationToken);

    /// <summary>Advances a session, and writes what one layer did with each token, for inspection; slow.</summary>
    /// <param name="session">The session.</param>
    /// <param name="tokens">What it reads.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="steps">[tokens, heads].</param>
    void Trace(IBackendSession session, ReadOnlySpan<int> tokens, int layer, Span<HeadStep> steps);

    /// <summary>Measured on the device, bytes a second.</summary>
    double MeasureBandwidth();

    /// <summary>Writes a GGUF file atomically; <paramref name="metadata"/> are packed records that replace those of the same key.</summary>
    void Write(
        string path, MambaWeightType weightType, ReadOnlySpan<byte> metadata, Action<long, long>? progress, CancellationToken cancellationToken);
}
