namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>eval loss</c> and <c>eval newlines</c>.</summary>
/// <param name="Model">The model's path, or the name of the embedded one.</param>
/// <param name="Text">The files that were read, or <c>newlines</c>.</param>
/// <param name="TextTokens">Tokens of them.</param>
/// <param name="Length">Tokens that each policy read.</param>
/// <param name="Repeats">How often the text was read for that; 1 or less: once or in part.</param>
/// <param name="TrainingLength">The model's, or as given; null where it is not known.</param>
/// <param name="StepWidth">Positions of each of <see cref="EvalLossSeries.Steps"/>.</param>
/// <param name="Policies">What was found under each policy.</param>
internal sealed record EvalLossDocument(
    string Model,
    IReadOnlyList<string> Text,
    long TextTokens,
    long Length,
    double Repeats,
    long? TrainingLength,
    long StepWidth,
    IReadOnlyList<EvalLossSeries> Policies);
