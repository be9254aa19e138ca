namespace MambaConnector;

/// <summary>The kind of a device.</summary>
public enum MambaDeviceKind
{
    /// <summary>The processors of this machine.</summary>
    Cpu = 0,

    /// <summary>An NVIDIA GPU.</summary>
    Cuda = 1,
}
