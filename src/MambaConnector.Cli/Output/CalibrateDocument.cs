namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>eval calibrate</c>.</summary>
/// <param name="Model">The model.</param>
/// <param name="Kind"><c>baseline</c>, <c>delta-scale</c> or <c>token-filter</c>.</param>
/// <param name="Output">The file that was written.</param>
/// <param name="TrainingLength">Tokens.</param>
/// <param name="Tokens">Tokens read to calibrate.</param>
/// <param name="Scales">Of delta-scale: one a layer; else null.</param>
/// <param name="GlobalHeads">Of token-filter: heads with thresholds; else null.</param>
/// <param name="Losses">Before and after; empty for a baseline.</param>
internal sealed record CalibrateDocument(
    string Model,
    string Kind,
    string Output,
    long TrainingLength,
    long Tokens,
    IReadOnlyList<float>? Scales,
    int? GlobalHeads,
    IReadOnlyList<CalibrationLossDocument> Losses);
