namespace MambaConnector.Cli.Inspection;

/// <summary>What a layer did with a text, in the mean over each few tokens.</summary>
/// <param name="Positions">The last token of each, counted from 1.</param>
/// <param name="Heads">As they were asked for.</param>
internal sealed record LayerDynamics(IReadOnlyList<long> Positions, IReadOnlyList<HeadDynamics> Heads);
