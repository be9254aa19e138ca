namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>inspect dynamics</c>.</summary>
/// <param name="Model">The model.</param>
/// <param name="Policy">The long-context policy.</param>
/// <param name="TokenCount">Tokens read.</param>
/// <param name="Every">Tokens that were taken together.</param>
/// <param name="Layer">The layer.</param>
/// <param name="Positions">The last of the tokens taken together, counted from 1.</param>
/// <param name="Heads">The heads asked for.</param>
internal sealed record DynamicsDocument(
    string Model, string Policy, long TokenCount, int Every, int Layer, IReadOnlyList<long> Positions, IReadOnlyList<HeadDynamicsDocument> Heads);
