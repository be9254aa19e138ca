namespace MambaConnector.Cli.Output;

/// <summary>One device.</summary>
/// <param name="Device">What <c>--device</c> takes.</param>
/// <param name="Name">The maker's name.</param>
/// <param name="Usable">Whether a model can run on it.</param>
/// <param name="Reason">Why not; null when it can.</param>
/// <param name="Isa">CPU: the best instruction set; null for others.</param>
/// <param name="ComputeCapability">CUDA: 10 * major + minor; null for others.</param>
/// <param name="UnitCount">CPU: processors that may be used. CUDA: multiprocessors.</param>
/// <param name="MemoryBytes">Memory in all.</param>
/// <param name="FreeBytes">Memory that is free now.</param>
internal sealed record DeviceDocument(
    string Device, string Name, bool Usable, string? Reason, string? Isa, int? ComputeCapability, int UnitCount, long MemoryBytes, long FreeBytes);
