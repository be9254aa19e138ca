using System.Globalization;
using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Output;

/// <summary>Metadata for people and scripts: a vocabulary's 50,000 tokens become their number.</summary>
internal static class MetadataView
{
    private const int LongestArray = 16;

    /// <summary>Keys and values, in the file's order.</summary>
    public static JsonObject ToJson(ModelMetadata metadata)
    {
        JsonObject view = [];
        foreach ((string key, object value) in metadata)
        {
            view[key] = ToNode(value);
        }

        return view;
    }

    private static JsonNode? ToNode(object value) => value switch
    {
        Array { Length: > LongestArray } array => new JsonObject { ["length"] = array.Length },
        Array array => new JsonArray([.. array.Cast<object>().Select(ToNode)]),
        string text => JsonValue.Create(text),
        bool truth => JsonValue.Create(truth),
        float number when float.IsFinite(number) => JsonValue.Create(number),
        double number when double.IsFinite(number) => JsonValue.Create(number),
        float or double => JsonValue.Create(Convert.ToString(value, CultureInfo.InvariantCulture)),
        ulong number => JsonValue.Create(number),
        _ => JsonValue.Create(Convert.ToInt64(value, CultureInfo.InvariantCulture)),
    };
}
