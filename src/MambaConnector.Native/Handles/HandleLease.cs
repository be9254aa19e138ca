namespace MambaConnector.Native;

/// <summary>A reference to a native object for the length of a call: disposing the handle meanwhile takes effect afterwards.</summary>
internal readonly ref struct HandleLease
{
    private readonly NativeHandle _handle;

    public HandleLease(NativeHandle handle)
    {
        bool added = false;
        handle.DangerousAddRef(ref added);
        _handle = handle;
    }

    /// <summary>The native pointer.</summary>
    public nint Value => _handle.DangerousGetHandle();

    /// <summary>Ends the call's reference.</summary>
    public void Dispose() => _handle.DangerousRelease();
}
