using System.Text.Json.Serialization;
using MambaConnector.Cli.Retrieval;

namespace MambaConnector.Cli.Evaluation;

/// <summary>The JSON of resume files. Losses may be infinite or no numbers, where a state has collapsed.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(ResumeState<LossRuns>))]
[JsonSerializable(typeof(ResumeState<PasskeyRuns>))]
[JsonSerializable(typeof(ResumeState<RetrievalRuns>))]
internal sealed partial class EvaluationJson : JsonSerializerContext;
