using System.Text.Json.Serialization;

namespace MambaConnector.Documents.Indexing;

/// <summary>Reading and writing without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, IgnoreReadOnlyProperties = true, UseStringEnumConverter = true)]
[JsonSerializable(typeof(IndexDirectory))]
[JsonSerializable(typeof(IndexIdentity))]
internal sealed partial class IndexJson : JsonSerializerContext;
