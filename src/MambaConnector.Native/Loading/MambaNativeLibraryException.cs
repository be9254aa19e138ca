namespace MambaConnector;

/// <summary>The native library could not be loaded, or speaks another version of the ABI. The message lists every path that was probed and
/// why it failed.</summary>
public sealed class MambaNativeLibraryException : DllNotFoundException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What failed, with the probe report and the way out.</param>
    /// <param name="innerException">What caused it, if known.</param>
    public MambaNativeLibraryException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }
}
