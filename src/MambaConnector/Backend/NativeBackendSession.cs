using MambaConnector.Native;

namespace MambaConnector.Backend;

/// <summary>A session of the native library.</summary>
internal sealed class NativeBackendSession(SessionHandle handle) : IBackendSession
{
    public SessionHandle Handle => handle;

    public SessionInfo Info
    {
        get
        {
            var info = handle.GetInfo();
            return new SessionInfo(info.token_count, info.state_bytes, info.rollback_available, info.token_hash, info.on_device == 0);
        }
    }

    public IBackendSession Clone() => new NativeBackendSession(handle.Clone());

    public void Offload(bool toHost) => handle.Offload(toHost);

    public void Reset() => handle.Reset();

    public void SetRollbackTokens(long tokens) => handle.SetRollbackTokens(tokens);

    public void Rollback(long count) => handle.Rollback(count);

    public int SavedBytes => handle.SavedBytes;

    public void Save(Span<byte> destination) => handle.Save(destination);

    public void Dispose() => handle.Dispose();
}
