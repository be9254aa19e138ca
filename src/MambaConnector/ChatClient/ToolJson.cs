using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.AI;

namespace MambaConnector.ChatClient;

/// <summary>Arguments and results of functions as JSON.</summary>
internal static class ToolJson
{
    /// <summary>The arguments of a call as a JSON object.</summary>
    public static JsonElement Arguments(IDictionary<string, object?>? arguments)
    {
        using MemoryStream buffer = new();
        using (Utf8JsonWriter writer = new(buffer, new JsonWriterOptions { Encoder = AIJsonUtilities.DefaultOptions.Encoder }))
        {
            writer.WriteStartObject();
            foreach ((string name, object? value) in arguments ?? new Dictionary<string, object?>())
            {
                writer.WritePropertyName(name);
                ToElement(value).WriteTo(writer);
            }

            writer.WriteEndObject();
        }

        using JsonDocument document = JsonDocument.Parse(buffer.ToArray());
        return document.RootElement.Clone();
    }

    /// <summary>The arguments of a call by name.</summary>
    /// <remarks>Of a name that comes twice, as a constant of a schema may have it, the last counts: as everywhere in JSON of .NET.</remarks>
    public static Dictionary<string, object?> Dictionary(JsonElement arguments)
    {
        Dictionary<string, object?> named = [];
        foreach (JsonProperty property in arguments.EnumerateObject())
        {
            named[property.Name] = property.Value;
        }

        return named;
    }

    /// <summary>What a model reads as the result of a call.</summary>
    public static string Result(FunctionResultContent result) => result switch
    {
        { Exception: { } exception, Result: null } => $"Error: {exception.Message}",
        { Result: string text } => text,
        { Result: JsonElement { ValueKind: JsonValueKind.String } element } => element.GetString()!,
        { Result: TextContent content } => content.Text,
        _ => ToElement(result.Result).GetRawText(),
    };

    private static JsonElement ToElement(object? value) =>
        value is JsonElement element ? element
        : AIJsonUtilities.DefaultOptions.TryGetTypeInfo(value?.GetType() ?? typeof(object), out JsonTypeInfo? type)
            ? JsonSerializer.SerializeToElement(value, type)
        : JsonSerializer.SerializeToElement(value!.ToString(), (JsonTypeInfo<string?>)AIJsonUtilities.DefaultOptions.GetTypeInfo(typeof(string)));
}
