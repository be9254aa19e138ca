using MambaConnector.Native.Generated;

namespace MambaConnector.Native;

/// <summary>A wish to stop, raised from any thread, looked at by an evaluation before each slice.</summary>
internal sealed unsafe class CancellationHandle : NativeHandle
{
    private CancellationHandle(nint value)
        : base(value, null)
    {
    }

    /// <summary>A wish that is raised when <paramref name="cancellationToken"/> is cancelled. Dispose the registration before the handle.</summary>
    public static CancellationHandle Create(CancellationToken cancellationToken, out CancellationTokenRegistration registration)
    {
        NativeRuntime.EnsureLoaded();
        MambaStatus.__Internal status = NativeStatus.Create();
        CancellationHandle handle = new(NativeStatus.CheckHandle(c_api.__Internal.MambaCancellationNew((nint)(&status)), status));
        registration = cancellationToken.UnsafeRegister(static state => ((CancellationHandle)state!).Request(), handle);
        return handle;
    }

    /// <summary>Raises the wish. Thread-safe.</summary>
    public void Request()
    {
        using HandleLease self = Borrow();
        c_api.__Internal.MambaCancellationRequest(self.Value);
    }

    private protected override void Free(nint value) => c_api.__Internal.MambaCancellationFree(value);
}
