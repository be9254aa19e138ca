namespace MambaConnector;

/// <summary>What kind of failure the native core reported.</summary>
public enum MambaErrorCode
{
    /// <summary>An argument is out of range or contradicts another.</summary>
    InvalidArgument = -1,

    /// <summary>No such file, key, device or layer.</summary>
    NotFound = -2,

    /// <summary>Reading or writing failed.</summary>
    Io = -3,

    /// <summary>A file is not what it claims to be.</summary>
    BadFormat = -4,

    /// <summary>Well formed, but not something that this build runs.</summary>
    Unsupported = -5,

    /// <summary>Host or device memory is exhausted.</summary>
    OutOfMemory = -6,

    /// <summary>The driver or the device failed.</summary>
    Device = -7,

    /// <summary>The call was cancelled.</summary>
    Cancelled = -8,

    /// <summary>A saved state belongs to another model, version or layout.</summary>
    Mismatch = -9,

    /// <summary>A rollback reaches further back than the session can undo.</summary>
    NotRollbackable = -10,

    /// <summary>A buffer is too small.</summary>
    BufferTooSmall = -11,

    /// <summary>A defect of the library.</summary>
    Internal = -12,
}
