namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>devices</c>.</summary>
/// <param name="Devices">Usable or not.</param>
internal sealed record DevicesDocument(IReadOnlyList<DeviceDocument> Devices);
