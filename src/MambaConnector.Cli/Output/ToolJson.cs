using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using MambaConnector.Cli.Calibration;

namespace MambaConnector.Cli.Output;

/// <summary>The JSON of <c>--json</c>: snake_case keys, text unescaped where JSON allows it. Scripts depend on the shapes.</summary>
[JsonSerializable(typeof(ChatDocument))]
[JsonSerializable(typeof(GenerateDocument))]
[JsonSerializable(typeof(SummarizeDocument))]
[JsonSerializable(typeof(AskDocument))]
[JsonSerializable(typeof(ScoreDocument))]
[JsonSerializable(typeof(TokenizeDocument))]
[JsonSerializable(typeof(InspectModelDocument))]
[JsonSerializable(typeof(CapacityDocument))]
[JsonSerializable(typeof(StateDocument))]
[JsonSerializable(typeof(DynamicsDocument))]
[JsonSerializable(typeof(CalibrateDocument))]
[JsonSerializable(typeof(ScaleSearchState))]
[JsonSerializable(typeof(float[]))]
[JsonSerializable(typeof(WriteModelDocument))]
[JsonSerializable(typeof(BenchDocument))]
[JsonSerializable(typeof(BenchPositionsDocument))]
[JsonSerializable(typeof(DevicesDocument))]
[JsonSerializable(typeof(EvalLossDocument))]
[JsonSerializable(typeof(EvalPasskeyDocument))]
[JsonSerializable(typeof(EvalRetrievalDocument))]
[JsonSerializable(typeof(EvalEstimateDocument))]
[JsonSerializable(typeof(EvalMergeDocument))]
internal sealed partial class ToolJson : JsonSerializerContext
{
    /// <summary>The one context of the tool.</summary>
    public static ToolJson Instance { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new FiniteNumberConverter() },
    });
}
