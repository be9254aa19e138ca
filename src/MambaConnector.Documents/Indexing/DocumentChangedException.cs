namespace MambaConnector.Documents;

/// <summary>A document is not the one that its index was read from.</summary>
public sealed class DocumentChangedException : Exception
{
    /// <summary>Creates the exception.</summary>
    public DocumentChangedException()
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What differs, and the way out.</param>
    public DocumentChangedException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What differs, and the way out.</param>
    /// <param name="innerException">The cause.</param>
    public DocumentChangedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
