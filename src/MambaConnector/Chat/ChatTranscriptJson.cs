using System.Text.Json.Serialization;

namespace MambaConnector.Chat;

/// <summary>Reading and writing without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ChatTranscript))]
internal sealed partial class ChatTranscriptJson : JsonSerializerContext;
