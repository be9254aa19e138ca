using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace MambaConnector.Conformance.Support;

/// <summary>What typed-response middleware does: a schema from a type, and a value from the reply. Providers take objects only, so any
/// other type is wrapped in one.</summary>
internal static class TypedResponses
{
    private const string Wrapped = "data";

    /// <summary>Objects have no other properties, as providers ask for; and 32-bit integers are declared as such, for JSON's have no
    /// end.</summary>
    public static AIJsonSchemaCreateOptions SchemaOptions { get; } = new()
    {
        TransformOptions = new AIJsonSchemaTransformOptions { DisallowAdditionalProperties = true },
        TransformSchemaNode = (context, node) =>
        {
            if (node is JsonObject schema && context.TypeInfo.Type == typeof(int))
            {
                schema.TryAdd("minimum", int.MinValue);
                schema.TryAdd("maximum", int.MaxValue);
            }

            return node;
        },
    };

    /// <summary>The schema that <see cref="GetTypedResponseAsync"/> asks for.</summary>
    public static JsonElement SchemaOf<T>()
    {
        JsonElement schema = AIJsonUtilities.CreateJsonSchema(
            typeof(T), serializerOptions: AIJsonUtilities.DefaultOptions, inferenceOptions: SchemaOptions);
        return IsObject(schema)
            ? schema
            : JsonElement.Parse($$"""
                {
                  "type": "object",
                  "properties": { "{{Wrapped}}": {{schema.GetRawText()}} },
                  "required": ["{{Wrapped}}"],
                  "additionalProperties": false
                }
                """);
    }

    /// <summary>Asks for a value.</summary>
    /// <param name="client">Whom.</param>
    /// <param name="request">What.</param>
    /// <param name="options">How; the format is added.</param>
    public static async Task<T> GetTypedResponseAsync<T>(this IChatClient client, string request, ChatOptions options)
    {
        options = options.Clone();
        options.ResponseFormat = ChatResponseFormat.ForJsonSchema(SchemaOf<T>());
        return Read<T>(await client.GetResponseAsync(request, options));
    }

    /// <summary>The value of a reply, which must fit the schema.</summary>
    public static T Read<T>(ChatResponse response)
    {
        JsonElement value = JsonElement.Parse(response.Text);
        Assert.True(Validation.Fits(SchemaOf<T>(), value, out string? why), $"{why}\n{response.Text}");
        bool isWrapped = !IsObject(AIJsonUtilities.CreateJsonSchema(typeof(T), serializerOptions: AIJsonUtilities.DefaultOptions));
        return (isWrapped ? value.GetProperty(Wrapped) : value).Deserialize<T>(AIJsonUtilities.DefaultOptions)!;
    }

    private static bool IsObject(JsonElement schema) =>
        schema.TryGetProperty("type", out JsonElement type) && type.ValueKind == JsonValueKind.String && type.GetString() == "object";
}
