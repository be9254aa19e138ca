namespace MambaConnector;

/// <summary>A saved state belongs to another model, version or layout. The session or file is untouched;
/// load it with the model that wrote it.</summary>
public sealed class MambaStateMismatchException : MambaException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="code">What kind of failure it is.</param>
    /// <param name="message">One sentence that names the thing and the way out.</param>
    /// <param name="innerException">What caused it, if known.</param>
    public MambaStateMismatchException(MambaErrorCode code, string message, Exception? innerException = null)
        : base(code, message, innerException)
    {
    }
}
