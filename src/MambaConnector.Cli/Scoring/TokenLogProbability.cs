using System.Text.Json.Serialization;

namespace MambaConnector.Cli.Scoring;

/// <summary>A token and ln p of it.</summary>
internal readonly record struct TokenLogProbability(
    [property: JsonPropertyName("id")] int Id, [property: JsonPropertyName("logprob")] double LogProbability);
