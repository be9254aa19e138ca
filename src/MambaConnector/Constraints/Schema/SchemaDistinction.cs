using System.Text.Json;

namespace MambaConnector.Constraints;

/// <summary>Whether a value can fit two schemas at once: <c>oneOf</c> is supported where it cannot.</summary>
internal static class SchemaDistinction
{
    /// <summary>Refuses alternatives that a value might fit together.</summary>
    /// <exception cref="ArgumentException">Two may overlap.</exception>
    public static void Check(IReadOnlyList<Schema> alternatives, Keyword oneOf)
    {
        for (int left = 0; left < alternatives.Count; left++)
        {
            for (int right = left + 1; right < alternatives.Count; right++)
            {
                if (!AreDistinct(alternatives[left], alternatives[right]))
                {
                    throw Schema.Unsupported(
                        "oneOf", oneOf.Pointer, $"where a value might fit several alternatives, as {left} and {right} (write anyOf, or tell them "
                        + "apart by type or by a required property with a const)");
                }
            }
        }
    }

    /// <summary>The values that a schema lists by <c>enum</c> and <c>const</c>; <see langword="null"/>: it lists none.</summary>
    public static List<JsonElement>? Values(Schema schema)
    {
        List<JsonElement>? values = null;
        if (schema.TryGet("enum", out Keyword listed))
        {
            values = listed.Value.ValueKind == JsonValueKind.Array
                ? [.. listed.Value.EnumerateArray()]
                : throw Schema.Invalid(listed.Pointer, "must be an array");
        }

        if (schema.TryGet("const", out Keyword constant))
        {
            values = values is null || values.Exists(value => JsonElement.DeepEquals(value, constant.Value)) ? [constant.Value] : [];
        }

        return values;
    }

    // By the letter of the schemas: what they only imply does not count.
    private static bool AreDistinct(Schema left, Schema right)
    {
        if ((Kinds(left) & Kinds(right)) == 0)
        {
            return true;
        }

        if (Values(left) is { } leftValues && Values(right) is { } rightValues)
        {
            return !leftValues.Exists(value => rightValues.Exists(other => JsonElement.DeepEquals(value, other)));
        }

        return Kinds(left) == JsonKinds.Object && Kinds(right) == JsonKinds.Object
            && Required(left).Intersect(Required(right)).Any(name => Property(left, name) is { } one && Property(right, name) is { } other
                && AreDistinct(one, other));
    }

    private static JsonKinds Kinds(Schema schema)
    {
        JsonKinds kinds = schema.Has("type") ? SchemaKinds.Of(schema) : JsonKinds.Any;
        return Values(schema) is { } values ? values.Aggregate(JsonKinds.None, (sum, value) => sum | SchemaKinds.OfValue(value)) & kinds : kinds;
    }

    private static IEnumerable<string?> Required(Schema schema) =>
        schema.TryGet("required", out Keyword required) && required.Value.ValueKind == JsonValueKind.Array
            ? required.Value.EnumerateArray().Where(name => name.ValueKind == JsonValueKind.String).Select(name => name.GetString())
            : [];

    private static Schema? Property(Schema schema, string? name) =>
        schema.TryGet("properties", out Keyword properties) && properties.Value.ValueKind == JsonValueKind.Object
            && properties.Value.TryGetProperty(name!, out JsonElement value) && value.ValueKind == JsonValueKind.Object
            ? Schema.Read(value, Schema.Append(properties.Pointer, name!))
            : null;
}
