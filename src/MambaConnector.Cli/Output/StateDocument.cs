namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>inspect state</c>.</summary>
/// <param name="Model">The model.</param>
/// <param name="Policy">The long-context policy.</param>
/// <param name="TokenCount">Tokens read.</param>
/// <param name="Every">Tokens between samples.</param>
/// <param name="TrainingLength">Tokens; null where it is not known.</param>
/// <param name="LayerCount">Layers.</param>
/// <param name="HeadCount">Heads of a layer; of Mamba-1 blocks of 64 channels.</param>
/// <param name="Heads">All heads at the end, by layer and head.</param>
/// <param name="Positions">Tokens read at each sample.</param>
/// <param name="Series">The most extreme heads over time, the most extreme first.</param>
internal sealed record StateDocument(
    string Model,
    string Policy,
    long TokenCount,
    int Every,
    long? TrainingLength,
    int LayerCount,
    int HeadCount,
    IReadOnlyList<HeadDocument> Heads,
    IReadOnlyList<long> Positions,
    IReadOnlyList<HeadSeriesDocument> Series);
