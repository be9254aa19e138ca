namespace MambaConnector;

/// <summary>A rollback asks for more tokens than the session can undo. The session is unchanged.</summary>
public sealed class MambaRollbackException : MambaException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="code">What kind of failure it is.</param>
    /// <param name="message">One sentence that names the thing and the way out.</param>
    /// <param name="innerException">What caused it, if known.</param>
    public MambaRollbackException(MambaErrorCode code, string message, Exception? innerException = null)
        : base(code, message, innerException)
    {
    }
}
