using System.Text.Json.Serialization;

namespace WebApi;

/// <summary>JSON without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ChatBody))]
[JsonSerializable(typeof(ChatEvent))]
[JsonSerializable(typeof(ChatReply))]
[JsonSerializable(typeof(HealthReply))]
internal sealed partial class WebApiJson : JsonSerializerContext;
