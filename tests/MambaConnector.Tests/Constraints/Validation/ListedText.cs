using System.Text.Json;
using System.Text.RegularExpressions;

namespace MambaConnector.Tests.Constraints.Validation;

/// <summary>The strings that a schema lists by <c>enum</c> and <c>const</c>: constrained decoding spells those one way, with the escapes that JSON
/// needs and no others.</summary>
internal static partial class ListedText
{
    /// <summary>The text with such strings spelled so, and all else as it is.</summary>
    /// <remarks>What is listed in one place may be free in another, and spelled in any way there: this way is always right.</remarks>
    public static string Respell(string text, JsonElement schema)
    {
        HashSet<string> listed = [.. Values(schema).SelectMany(Strings)];
        return JsonString().Replace(
            text, match => JsonElement.Parse(match.Value).GetString() is string value && listed.Contains(value) ? RandomValue.WriteListed(value) : match.Value);
    }

    private static IEnumerable<JsonElement> Values(JsonElement schema) => schema.ValueKind switch
    {
        JsonValueKind.Object => schema.EnumerateObject().SelectMany(
            member => member.Name is "enum" or "const" ? [member.Value] : Values(member.Value)),
        JsonValueKind.Array => schema.EnumerateArray().SelectMany(Values),
        _ => [],
    };

    private static IEnumerable<string> Strings(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().SelectMany(member => Strings(member.Value)),
        JsonValueKind.Array => value.EnumerateArray().SelectMany(Strings),
        JsonValueKind.String => [value.GetString()!],
        _ => [],
    };

    [GeneratedRegex(@"""(?:[^""\\]|\\.)*""")]
    private static partial Regex JsonString();
}
