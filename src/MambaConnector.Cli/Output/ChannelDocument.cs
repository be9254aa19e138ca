namespace MambaConnector.Cli.Output;

/// <summary>A channel of a head.</summary>
/// <param name="Channel">Its index in the head.</param>
/// <param name="Share">Its part of the head's squared norm, 0 to 1.</param>
internal sealed record ChannelDocument(int Channel, double Share);
