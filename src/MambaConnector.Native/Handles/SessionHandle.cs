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

    private protected override void Free(nint value) => c_api.__Internal.MambaSessionFree(value);
}
