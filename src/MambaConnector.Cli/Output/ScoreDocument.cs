using System.Text.Json.Serialization;
using MambaConnector.Cli.Scoring;

namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>score</c>.</summary>
/// <param name="Model">The model's path, or the name of the embedded one.</param>
/// <param name="TokenCount">Length of the sequence.</param>
/// <param name="Tokens">The sequence.</param>
/// <param name="LogProbabilities">ln p of each token given those before it, over all columns of the head; null where there are none before it.</param>
/// <param name="Top">The most likely tokens at each position; empty without <c>--top</c>.</param>
/// <param name="MeanNegativeLogLikelihood">Mean of -ln p over the tokens that were scored.</param>
internal sealed record ScoreDocument(
    string Model,
    int TokenCount,
    IReadOnlyList<int> Tokens,
    [property: JsonPropertyName("logprobs")] IReadOnlyList<double?> LogProbabilities,
    IReadOnlyList<IReadOnlyList<TokenLogProbability>> Top,
    [property: JsonPropertyName("mean_nll")] double? MeanNegativeLogLikelihood);
