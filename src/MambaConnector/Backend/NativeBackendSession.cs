using System.Runtime.InteropServices;
using MambaConnector.Native;
using NativeHeadStatistics = MambaConnector.Native.Generated.MambaHeadStatistics;

namespace MambaConnector.Backend;

/// <summary>A session of the native library.</summary>
/// <param name="handle">The session.</param>
/// <param name="layerCount">The model's.</param>
/// <param name="policy">Its policy; null: the library is asked for it.</param>
internal sealed class NativeBackendSession(SessionHandle handle, int layerCount, LongContextPolicy? policy = null) : IBackendSession
{
    private LongContextPolicy _policy = policy ?? NativePolicy.Read(handle);

    public SessionHandle Handle => handle;

    public SessionInfo Info
    {
        get
        {
            var info = handle.GetInfo();
            return new SessionInfo(info.token_count, info.state_bytes, info.rollback_available, info.token_hash, _policy, info.on_device == 0);
        }
    }

    public IBackendSession Clone() => new NativeBackendSession(handle.Clone(), layerCount, _policy);

    public void Offload(bool toHost) => handle.Offload(toHost);

    public void Reset() => handle.Reset();

    public void SetRollbackTokens(long tokens) => handle.SetRollbackTokens(tokens);

    public void SetPolicy(LongContextPolicy policy)
    {
        NativePolicy.Write(handle, policy, layerCount);
        _policy = policy;
    }

    public void Rollback(long count) => handle.Rollback(count);

    public void SetTracking(bool on) => handle.SetTracking(on);

    // HeadStatistics has the layout of the library's struct.
    public void GetStatistics(int layer, Span<HeadStatistics> heads) =>
        handle.GetStatistics(layer, MemoryMarshal.Cast<HeadStatistics, NativeHeadStatistics.__Internal>(heads));

    public void CopyLayerState(int layer, Span<float> values) => handle.CopyLayerState(layer, values);

    public int SavedBytes => handle.SavedBytes;

    public void Save(Span<byte> destination) => handle.Save(destination);

    public void Dispose() => handle.Dispose();
}
