using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace MambaConnector.Cli.Output;

/// <summary>The JSON of <c>--json</c>: snake_case keys, text unescaped where JSON allows it. Scripts depend on the shapes.</summary>
[JsonSerializable(typeof(ChatDocument))]
[JsonSerializable(typeof(GenerateDocument))]
[JsonSerializable(typeof(ScoreDocument))]
[JsonSerializable(typeof(TokenizeDocument))]
[JsonSerializable(typeof(InspectModelDocument))]
[JsonSerializable(typeof(WriteModelDocument))]
[JsonSerializable(typeof(BenchDocument))]
[JsonSerializable(typeof(DevicesDocument))]
internal sealed partial class ToolJson : JsonSerializerContext
{
    /// <summary>The one context of the tool.</summary>
    public static ToolJson Instance { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
