namespace MambaConnector.Backend;

/// <summary>One recurrent state. Belongs to one caller at a time.</summary>
internal interface IBackendSession : IDisposable
{
    SessionInfo Info { get; }

    IBackendSession Clone();

    void Reset();

    /// <summary>From now on the last <paramref name="tokens"/> tokens can be undone, in place of <see cref="MambaModelOptions.RollbackTokens"/>; clones
    /// inherit it. With 0 the session keeps nothing to undo with, which saves the memory and the copies of its checkpoints.</summary>
    void SetRollbackTokens(long tokens);

    /// <summary>Undoes the last tokens exactly, or throws <see cref="MambaRollbackException"/> and changes nothing.</summary>
    void Rollback(long count);

    byte[] Save();
}
