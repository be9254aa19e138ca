using MambaConnector.Cli.Evaluation;

namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>eval passkey</c>.</summary>
/// <param name="Model">The model's path, or the name of the embedded one.</param>
/// <param name="TrainingLength">The model's; null where it is not known.</param>
/// <param name="Lengths">Tokens of the prompts at most.</param>
/// <param name="Depths">Places of the key in each.</param>
/// <param name="Samples">Keys for each place.</param>
/// <param name="Seed">Chose the keys.</param>
/// <param name="Policies">What was found under each policy.</param>
internal sealed record EvalPasskeyDocument(
    string Model,
    long? TrainingLength,
    IReadOnlyList<long> Lengths,
    int Depths,
    int Samples,
    int Seed,
    IReadOnlyList<EvalPasskeySeries> Policies);
