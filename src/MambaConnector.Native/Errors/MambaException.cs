namespace MambaConnector;

/// <summary>The native core refused or failed a call. The model, the engine and every session are as they were before it.</summary>
/// <remarks>Missing files surface as <see cref="FileNotFoundException"/>, failed reads and writes as <see cref="IOException"/>, cancelled
/// calls as <see cref="OperationCanceledException"/> with the caller's token.</remarks>
public class MambaException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="code">What kind of failure it is.</param>
    /// <param name="message">One sentence that names the thing and the way out.</param>
    /// <param name="innerException">What caused it, if known.</param>
    public MambaException(MambaErrorCode code, string message, Exception? innerException = null)
        : base(message, innerException) => ErrorCode = code;

    /// <summary>What kind of failure it is.</summary>
    public MambaErrorCode ErrorCode { get; }
}
