using MambaConnector.Native.Generated;

namespace MambaConnector.Native;

/// <summary>One recurrent state. Belongs to one caller at a time.</summary>
internal sealed unsafe class SessionHandle : NativeHandle
{
    private readonly EngineHandle _engine;

    private SessionHandle(nint value, EngineHandle engine)
        : base(value, engine)
    {
        _engine = engine;
        Id = c_api.__Internal.MambaSessionId(value);
    }

    /// <summary>The number that a batch item names the session by; never reused.</summary>
    public ulong Id { get; }

    /// <summary>An empty state.</summary>
    public static SessionHandle Create(EngineHandle engine)
    {
        using HandleLease parent = engine.Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        nint session = c_api.__Internal.MambaSessionNew(parent.Value, (nint)(&status));
        return new SessionHandle(NativeStatus.CheckHandle(session, status), engine);
    }

    /// <summary>Bytes that <see cref="Save"/> writes.</summary>
    public int SavedBytes
    {
        get
        {
            using HandleLease self = Borrow();
            return checked((int)c_api.__Internal.MambaSessionSavedSize(self.Value));
        }
    }

    /// <summary>A state that <see cref="Save"/> wrote.</summary>
    public static SessionHandle Load(EngineHandle engine, ReadOnlySpan<byte> state)
    {
        using HandleLease parent = engine.Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        fixed (byte* buffer = state)
        {
            nint session = c_api.__Internal.MambaSessionLoad(parent.Value, buffer, (nuint)state.Length, (nint)(&status));
            return new SessionHandle(NativeStatus.CheckHandle(session, status), engine);
        }
    }

    /// <summary>A session made of the states of others of an engine, which stay as they are.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="sessions">Their <see cref="Id"/>s.</param>
    /// <param name="merge">A <c>mamba_merge</c>.</param>
    /// <exception cref="NotSupportedException">A session is under a policy, or on a device.</exception>
    public static SessionHandle Merge(EngineHandle engine, ReadOnlySpan<ulong> sessions, int merge)
    {
        using HandleLease parent = engine.Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        fixed (ulong* ids = sessions)
        {
            nint session = c_api.__Internal.MambaSessionMerge(parent.Value, ids, sessions.Length, merge, (nint)(&status));
            NativeStatus.CheckSupported(status.code, status);
            return new SessionHandle(session, engine);
        }
    }

    public SessionHandle Clone()
    {
        using HandleLease self = Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        nint session = c_api.__Internal.MambaSessionClone(self.Value, (nint)(&status));
        return new SessionHandle(NativeStatus.CheckHandle(session, status), _engine);
    }

    public MambaSessionInfo.__Internal GetInfo()
    {
        using HandleLease self = Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        MambaSessionInfo.__Internal info = new() { struct_size = (uint)sizeof(MambaSessionInfo.__Internal) };
        NativeStatus.Check(c_api.__Internal.MambaSessionGetInfo(self.Value, (nint)(&info), (nint)(&status)), status);
        return info;
    }

    /// <summary>On a device: moves the state to host memory, or back, and returns while the copy is under way. On the CPU it does
    /// nothing.</summary>
    public void Offload(bool toHost)
    {
        using HandleLease self = Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        NativeStatus.Check(c_api.__Internal.MambaSessionOffload(self.Value, toHost ? 1 : 0, (nint)(&status)), status);
    }

    public void Reset()
    {
        using HandleLease self = Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        NativeStatus.Check(c_api.__Internal.MambaSessionReset(self.Value, (nint)(&status)), status);
    }

    /// <summary>From now on the last <paramref name="tokens"/> tokens can be undone, in place of what the engine was made with; 0 keeps nothing.</summary>
    public void SetRollbackTokens(long tokens)
    {
        using HandleLease self = Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        NativeStatus.Check(c_api.__Internal.MambaSessionSetRollbackTokens(self.Value, tokens, (nint)(&status)), status);
    }

    /// <summary>Undoes the last <paramref name="count"/> tokens exactly, or throws and changes nothing.</summary>
    public void Rollback(long count)
    {
        using HandleLease self = Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        NativeStatus.Check(c_api.__Internal.MambaSessionRollback(self.Value, count, (nint)(&status)), status);
    }

    /// <summary>Writes the state with header and checksum, as <see cref="Load"/> takes it.</summary>
    /// <param name="destination">[<see cref="SavedBytes"/>].</param>
    public void Save(Span<byte> destination)
    {
        using HandleLease self = Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        nuint length = 0;
        fixed (byte* buffer = destination)
        {
            int result = c_api.__Internal.MambaSessionSave(self.Value, buffer, (nuint)destination.Length, &length, (nint)(&status));
            NativeStatus.Check(result, status);
        }
    }

    /// <summary>Sums of dt of every head from now on, or no longer.</summary>
    /// <exception cref="NotSupportedException">The session's device has no such sums.</exception>
    public void SetTracking(bool on)
    {
        using HandleLease self = Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        NativeStatus.CheckSupported(c_api.__Internal.MambaSessionSetTracking(self.Value, on ? 1 : 0, (nint)(&status)), status);
    }

    /// <summary>Every head of a layer.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="heads">[heads of the layer].</param>
    public void GetStatistics(int layer, Span<MambaHeadStatistics.__Internal> heads)
    {
        using HandleLease self = Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        fixed (MambaHeadStatistics.__Internal* buffer = heads)
        {
            int result = c_api.__Internal.MambaSessionGetStatistics(
                self.Value, layer, (nint)buffer, (nuint)sizeof(MambaHeadStatistics.__Internal), (nuint)heads.Length, (nint)(&status));
            NativeStatus.Check(result, status);
        }
    }

    /// <summary>A layer's state.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="values">[d_inner, d_state] or more.</param>
    public void CopyLayerState(int layer, Span<float> values)
    {
        using HandleLease self = Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        nuint length = 0;
        fixed (float* buffer = values)
        {
            int result = c_api.__Internal.MambaSessionCopyLayerState(
                self.Value, layer, buffer, (nuint)values.Length, &length, (nint)(&status));
            NativeStatus.Check(result, status);
        }
    }

    /// <summary>Sets the long-context policy from the next token on.</summary>
    /// <param name="policy">All but its size.</param>
    /// <param name="values">[layer_count, layer_value_count].</param>
    /// <exception cref="NotSupportedException">The session's device has no such policy.</exception>
    public void SetPolicy(MambaPolicy.__Internal policy, ReadOnlySpan<float> values)
    {
        using HandleLease self = Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        policy.struct_size = (uint)sizeof(MambaPolicy.__Internal);
        fixed (float* layerValues = values)
        {
            NativeStatus.CheckSupported(
                c_api.__Internal.MambaSessionSetPolicy(self.Value, (nint)(&policy), layerValues, (nuint)values.Length, (nint)(&status)), status);
        }
    }

    /// <summary>The long-context policy.</summary>
    /// <param name="values">Its values of each layer, [layer_count, layer_value_count].</param>
    public MambaPolicy.__Internal GetPolicy(out float[] values)
    {
        using HandleLease self = Borrow();
        MambaStatus.__Internal status = NativeStatus.Create();
        MambaPolicy.__Internal policy = new() { struct_size = (uint)sizeof(MambaPolicy.__Internal) };
        NativeStatus.Check(c_api.__Internal.MambaSessionGetPolicy(self.Value, (nint)(&policy), (nint)(&status)), status);
        nuint length = 0;
        NativeStatus.Check(c_api.__Internal.MambaSessionGetPolicyValues(self.Value, null, 0, &length, (nint)(&status)), status);
        values = new float[length];
        fixed (float* layerValues = values)
        {
            NativeStatus.Check(c_api.__Internal.MambaSessionGetPolicyValues(self.Value, layerValues, length, &length, (nint)(&status)), status);
        }

        return policy;
    }

    private protected override void Free(nint value) => c_api.__Internal.MambaSessionFree(value);
}
