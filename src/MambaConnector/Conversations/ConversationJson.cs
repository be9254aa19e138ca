using System.Text.Json.Serialization;

namespace MambaConnector;

/// <summary>Reading and writing without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ConversationHeader))]
internal sealed partial class ConversationJson : JsonSerializerContext;
