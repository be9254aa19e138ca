namespace MambaConnector.Cli.Inspection;

/// <summary>A channel (row p) of a head's state.</summary>
/// <param name="Channel">Its index in the head.</param>
/// <param name="Share">Its part of the squared norm of the head, 0 to 1.</param>
internal readonly record struct ChannelShare(int Channel, double Share);
