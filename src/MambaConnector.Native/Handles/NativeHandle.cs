using System.Runtime.InteropServices;

namespace MambaConnector.Native;

/// <summary>A native object. A child holds a reference to its parent, so the parent is freed after its last child, whatever the order in
/// which they are disposed or finalised.</summary>
internal abstract class NativeHandle : SafeHandle
{
    private readonly NativeHandle? _parent;

    private protected NativeHandle(nint value, NativeHandle? parent)
        : base(0, ownsHandle: true)
    {
        SetHandle(value);
        if (parent is not null)
        {
            bool added = false;
            parent.DangerousAddRef(ref added);
            _parent = parent;
        }
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>Keeps the object alive for the length of a native call.</summary>
    /// <exception cref="ObjectDisposedException">It was disposed.</exception>
    public HandleLease Borrow() => new(this);

    /// <summary>Frees the native object.</summary>
    private protected abstract void Free(nint value);

    /// <inheritdoc/>
    protected sealed override bool ReleaseHandle()
    {
        Free(handle);
        _parent?.DangerousRelease();
        return true;
    }
}
