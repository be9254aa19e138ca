namespace MambaConnector.Backend;

/// <summary>One recurrent state. Belongs to one caller at a time.</summary>
internal interface IBackendSession : IDisposable
{
    SessionInfo Info { get; }

    IBackendSession Clone();

    void Reset();

    /// <summary>Undoes the last tokens exactly, or throws <see cref="MambaRollbackException"/> and changes nothing.</summary>
    void Rollback(long count);

    byte[] Save();
}
