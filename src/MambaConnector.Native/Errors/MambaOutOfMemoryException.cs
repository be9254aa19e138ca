namespace MambaConnector;

/// <summary>Host or device memory does not suffice. Nothing was changed: the model and every session stay usable.</summary>
public sealed class MambaOutOfMemoryException : MambaException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="code">What kind of failure it is.</param>
    /// <param name="message">One sentence that names the thing and the way out.</param>
    /// <param name="innerException">What caused it, if known.</param>
    public MambaOutOfMemoryException(MambaErrorCode code, string message, Exception? innerException = null)
        : base(code, message, innerException)
    {
    }
}
