namespace MambaConnector;

/// <summary>A model, tokenizer or session file is damaged, or of a kind that this build does not run
/// (<see cref="MambaErrorCode.BadFormat"/>, <see cref="MambaErrorCode.Unsupported"/>).</summary>
public sealed class MambaFormatException : MambaException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="code">What kind of failure it is.</param>
    /// <param name="message">One sentence that names the thing and the way out.</param>
    /// <param name="innerException">What caused it, if known.</param>
    public MambaFormatException(MambaErrorCode code, string message, Exception? innerException = null)
        : base(code, message, innerException)
    {
    }
}
