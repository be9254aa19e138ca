namespace MambaConnector;

/// <summary>The device or its driver failed, or a device that was asked for cannot be used.</summary>
/// <remarks>With <see cref="MambaErrorCode.Device"/>, a CUDA device has stopped working for this process: every later call to a model on it
/// says so again, the states of its sessions are lost, and only a new process can use it. Models on other devices go on.</remarks>
public sealed class MambaDeviceException : MambaException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="code">What kind of failure it is.</param>
    /// <param name="message">One sentence that names the thing and the way out.</param>
    /// <param name="innerException">What caused it, if known.</param>
    public MambaDeviceException(MambaErrorCode code, string message, Exception? innerException = null)
        : base(code, message, innerException)
    {
    }
}
