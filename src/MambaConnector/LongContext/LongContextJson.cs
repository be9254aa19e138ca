using System.Text.Json.Serialization;

namespace MambaConnector.LongContext;

/// <summary>Reading and writing without reflection; names as in GGUF keys.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(TokenFilterDocument))]
[JsonSerializable(typeof(float[]))]
[JsonSerializable(typeof(StateBaseline))]
internal sealed partial class LongContextJson : JsonSerializerContext;
