using System.Runtime.InteropServices;
using MambaConnector.Native;
using NativeBatchItem = MambaConnector.Native.Generated.MambaBatchItem;
using NativeEngineOptions = MambaConnector.Native.Generated.MambaEngineOptions;

namespace MambaConnector.Backend;

/// <summary>A model on a device of the native library.</summary>
internal sealed class NativeBackend : IInferenceBackend
{
    private readonly ModelHandle _model;
    private readonly EngineHandle _engine;

    /// <summary>Takes over <paramref name="model"/>.</summary>
    public NativeBackend(ModelHandle model, MambaModelOptions options)
    {
        _model = model;
        ModelInfo = MambaModelInfo.FromNative(model.GetInfo());
        (MambaDeviceKind kind, int index) = MambaDevice.Resolve(options.ResolveDevice());
        _engine = EngineHandle.Create(model, new NativeEngineOptions.__Internal
        {
            device_kind = (int)kind,
            device_index = index,
            isa = (int)options.ResolveIsa(),
            thread_count = options.ResolveThreadCount(),
            max_batch_tokens = options.MaxBatchTokens,
            rollback_tokens = options.RollbackTokens,
            weight_type = (int)options.WeightType,
        });
    }

    public MambaModelInfo ModelInfo { get; }

    public MambaEngineInfo EngineInfo => MambaEngineInfo.FromNative(_engine.GetInfo());

    public IBackendSession CreateSession() => new NativeBackendSession(SessionHandle.Create(_engine), ModelInfo.LayerCount, LongContextPolicy.None);

    public IBackendSession LoadSession(ReadOnlySpan<byte> state)
    {
        SessionHandle handle = SessionHandle.Load(_engine, state);
        try
        {
            return new NativeBackendSession(handle, ModelInfo.LayerCount);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    public IBackendSession MergeSessions(IReadOnlyList<IBackendSession> sessions, StateMerge merge)
    {
        ulong[] ids = [.. sessions.Select(session => ((NativeBackendSession)session).Handle.Id)];
        try
        {
            return new NativeBackendSession(SessionHandle.Merge(_engine, ids, (int)merge), ModelInfo.LayerCount, LongContextPolicy.None);
        }
        catch (MambaException exception) when (exception.ErrorCode == MambaErrorCode.InvalidArgument)
        {
            throw new ArgumentException(exception.Message, nameof(sessions), exception);
        }
        finally
        {
            GC.KeepAlive(sessions);
        }
    }

    public void Evaluate(ReadOnlySpan<EvaluationItem> items, ReadOnlySpan<int> tokens, Span<float> logits, CancellationToken cancellationToken)
    {
        Span<NativeBatchItem.__Internal> batch = items.Length <= 16
            ? stackalloc NativeBatchItem.__Internal[items.Length]
            : new NativeBatchItem.__Internal[items.Length];
        int token = 0;
        int row = 0;
        for (int index = 0; index < items.Length; index++)
        {
            EvaluationItem item = items[index];
            batch[index] = new NativeBatchItem.__Internal
            {
                session = ((NativeBackendSession)item.Session).Handle.Id,
                token_offset = token,
                token_count = item.TokenCount,
                logits_count = item.LogitsCount,
                logits_offset = row,
            };
            token += item.TokenCount;
            row += item.LogitsCount;
        }

        _engine.Evaluate(batch, tokens, logits, cancellationToken);
        foreach (EvaluationItem item in items)
        {
            GC.KeepAlive(item.Session);
        }
    }

    // HeadStep is four floats, as the library writes them.
    public void Trace(IBackendSession session, ReadOnlySpan<int> tokens, int layer, Span<HeadStep> steps) =>
        _engine.Trace(((NativeBackendSession)session).Handle, tokens, layer, MemoryMarshal.Cast<HeadStep, float>(steps));

    public double MeasureBandwidth() => _engine.MeasureBandwidth();

    public void Write(
        string path, MambaWeightType weightType, ReadOnlySpan<byte> metadata, Action<long, long>? progress, CancellationToken cancellationToken) =>
        _model.Write(path, (int)weightType, metadata, progress, cancellationToken);

    public void Dispose()
    {
        _engine.Dispose();
        _model.Dispose();
    }
}
