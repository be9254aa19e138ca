using MambaConnector.Native.Generated;

namespace MambaConnector.Native;

/// <summary>A model on a device: threads, scratch memory, kernels. Concurrent evaluations wait for each other.</summary>
internal sealed unsafe class EngineHandle : NativeHandle
{
    private EngineHandle(nint value, ModelHandle model)
        : base(value, model)
    {
    }

    public static EngineHandle Create(ModelHandle model, MambaEngineOptions.__Internal options)
    {
        using HandleLease parent = model.Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        options.struct_size = (uint)sizeof(MambaEngineOptions.__Internal);
        nint engine = c_api.__Internal.MambaEngineNew(parent.Value, (nint)(&options), (nint)(&status));
        return new EngineHandle(NativeStatus.CheckHandle(engine, status), model);
    }

    public MambaEngineInfo.__Internal GetInfo()
    {
        using HandleLease self = Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        MambaEngineInfo.__Internal info = new() { struct_size = (uint)sizeof(MambaEngineInfo.__Internal) };
        NativeStatus.Check(c_api.__Internal.MambaEngineGetInfo(self.Value, (nint)(&info), (nint)(&status)), status);
        return info;
    }

    /// <summary>Advances every session of the batch, all or none.</summary>
    /// <param name="items">One part a session; the caller keeps the sessions borrowed.</param>
    /// <param name="tokens">What the items' token ranges point into.</param>
    /// <param name="logits">[rows, padded_vocab_size]; may be empty when no item asks for logits.</param>
    /// <param name="cancellationToken">Ends the evaluation at its next slice.</param>
    public void Evaluate(
        ReadOnlySpan<MambaBatchItem.__Internal> items, ReadOnlySpan<int> tokens, Span<float> logits, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using HandleLease self = Borrow();
        MambaBatch.__Internal batch = new()
        {
            struct_size = (uint)sizeof(MambaBatch.__Internal),
            item_count = items.Length,
            item_size = sizeof(MambaBatchItem.__Internal),
            token_count = tokens.Length,
            logits_capacity = logits.Length,
        };
        if (!cancellationToken.CanBeCanceled)
        {
            Evaluate(self.Value, &batch, items, tokens, logits, 0, default);
            return;
        }

        using CancellationHandle cancellation = CancellationHandle.Create(cancellationToken, out CancellationTokenRegistration registration);
        using (registration)
        using (HandleLease wish = cancellation.Borrow())
        {
            Evaluate(self.Value, &batch, items, tokens, logits, wish.Value, cancellationToken);
        }
    }

    /// <summary>Advances one session, and writes what a layer did.</summary>
    /// <param name="session">The session.</param>
    /// <param name="tokens">What it reads.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="values">[tokens, heads, 4]: dt, dt * A, ||B||, ||x||.</param>
    /// <exception cref="NotSupportedException">The engine's device does not trace.</exception>
    public void Trace(SessionHandle session, ReadOnlySpan<int> tokens, int layer, Span<float> values)
    {
        using HandleLease self = Borrow();
        using HandleLease advanced = session.Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        fixed (int* tokenArray = tokens)
        fixed (float* valueArray = values)
        {
            int result = c_api.__Internal.MambaEngineTrace(
                self.Value, advanced.Value, tokenArray, tokens.Length, layer, valueArray, (nuint)values.Length, (nint)(&status));
            NativeStatus.CheckSupported(result, status);
        }
    }

    /// <summary>Measured on the engine's device, bytes a second.</summary>
    public double MeasureBandwidth()
    {
        using HandleLease self = Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        double bandwidth = c_api.__Internal.MambaEngineMeasureBandwidth(self.Value, (nint)(&status));
        NativeStatus.Check(status.code, status);
        return bandwidth;
    }

    private protected override void Free(nint value) => c_api.__Internal.MambaEngineFree(value);

    private static void Evaluate(
        nint engine, MambaBatch.__Internal* batch, ReadOnlySpan<MambaBatchItem.__Internal> items, ReadOnlySpan<int> tokens,
        Span<float> logits, nint cancellation, CancellationToken cancellationToken)
    {
        MambaStatus.__Internal status = NativeStatus.Create();
        fixed (MambaBatchItem.__Internal* itemArray = items)
        fixed (int* tokenArray = tokens)
        fixed (float* logitArray = logits)
        {
            int result = c_api.__Internal.MambaEngineEvaluate(
                engine, (nint)batch, (nint)itemArray, tokenArray, null, logitArray, 0, cancellation, (nint)(&status));
            NativeStatus.Check(result, status, cancellationToken);
        }
    }
}
