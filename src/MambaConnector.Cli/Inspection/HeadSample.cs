namespace MambaConnector.Cli.Inspection;

/// <summary>One head of a state at one position.</summary>
/// <param name="Statistics">What the library says of it.</param>
/// <param name="Mean">The mean of its values.</param>
/// <param name="Channels">Its largest channels, the largest first; of all but the last sample of a history the largest alone.</param>
internal readonly record struct HeadSample(HeadStatistics Statistics, double Mean, ChannelShare[] Channels);
