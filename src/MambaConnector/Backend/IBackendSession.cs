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

    /// <summary>Undoes the last tokens exactly, or throws <see cref="MambaRollbackException"/> and changes nothing.</summary>
    void Rollback(long count);

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
