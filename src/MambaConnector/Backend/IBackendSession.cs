namespace MambaConnector.Backend;

/// <summary>One recurrent state. Belongs to one caller at a time.</summary>
internal interface IBackendSession : IDisposable
{
    SessionInfo Info { get; }

    IBackendSession Clone();

    /// <summary>On a device: moves the state, and what is kept to undo with, to host memory, where it takes no room from others, or the state
    /// back. An evaluation brings it back unasked; all else works in either place. On the CPU it does nothing.</summary>
    void Offload(bool toHost);

    void Reset();

    /// <summary>From now on the last <paramref name="tokens"/> tokens can be undone, in place of <see cref="MambaModelOptions.RollbackTokens"/>; clones
    /// inherit it. With 0 the session keeps nothing to undo with, which saves the memory and the copies of its checkpoints.</summary>
    void SetRollbackTokens(long tokens);

    /// <summary>From the next token on the state follows <paramref name="policy"/>, as one that begins there. Clones and saved states keep it with
    /// what it has gathered; undo and reset keep it.</summary>
    /// <param name="policy">As <see cref="LongContextPolicy.Resolve"/> made it.</param>
    /// <exception cref="NotSupportedException">The device does not have it.</exception>
    void SetPolicy(LongContextPolicy policy);

    /// <summary>Undoes the last tokens exactly, or throws <see cref="MambaRollbackException"/> and changes nothing.</summary>
    void Rollback(long count);

    /// <summary>From now on sums of dt of every head are kept, with which statistics tell retention, or no longer. A change forgets what could be
    /// undone. Clones and saved states inherit it.</summary>
    void SetTracking(bool on);

    /// <summary>Measures every head of a layer, as of the last token.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="heads">[heads of a layer].</param>
    void GetStatistics(int layer, Span<HeadStatistics> heads);

    /// <summary>Copies a layer's state as of the last token.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="values">[d_inner, d_state].</param>
    void CopyLayerState(int layer, Span<float> values);

    /// <summary>Bytes that <see cref="Save(Span{byte})"/> writes.</summary>
    int SavedBytes { get; }

    /// <summary>Writes the state as <see cref="IInferenceBackend.LoadSession"/> takes it.</summary>
    /// <param name="destination">[<see cref="SavedBytes"/>].</param>
    void Save(Span<byte> destination);

    /// <summary>The state as <see cref="IInferenceBackend.LoadSession"/> takes it.</summary>
    byte[] Save()
    {
        byte[] state = GC.AllocateUninitializedArray<byte>(SavedBytes);
        Save(state);
        return state;
    }
}
