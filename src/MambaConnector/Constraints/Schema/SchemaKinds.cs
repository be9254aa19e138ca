using System.Text.Json;

namespace MambaConnector.Constraints;

/// <summary>Which types of values a schema names.</summary>
internal static class SchemaKinds
{
    private static readonly (string Name, JsonKinds Kinds)[] Types =
    [
        ("null", JsonKinds.Null), ("boolean", JsonKinds.Boolean), ("object", JsonKinds.Object), ("array", JsonKinds.Array),
        ("string", JsonKinds.String), ("number", JsonKinds.Number), ("integer", JsonKinds.Integer),
    ];

    /// <summary>Keywords that concern values of one type.</summary>
    private static readonly (string Keyword, JsonKinds Kinds)[] Implied =
    [
        ("properties", JsonKinds.Object), ("required", JsonKinds.Object), ("additionalProperties", JsonKinds.Object),
        ("items", JsonKinds.Array), ("prefixItems", JsonKinds.Array), ("minItems", JsonKinds.Array), ("maxItems", JsonKinds.Array),
        ("minLength", JsonKinds.String), ("maxLength", JsonKinds.String), ("pattern", JsonKinds.String), ("format", JsonKinds.String),
        ("minimum", JsonKinds.Number), ("maximum", JsonKinds.Number), ("exclusiveMinimum", JsonKinds.Number),
        ("exclusiveMaximum", JsonKinds.Number), ("multipleOf", JsonKinds.Number),
    ];

    /// <summary>The types of a schema. One that names none means those that its keywords are about; of no such keyword, all.</summary>
    /// <remarks>By the letter, a schema with <c>properties</c> and without <c>type</c> fits every number, too. Whoever writes it means
    /// objects.</remarks>
    public static JsonKinds Of(Schema schema)
    {
        JsonKinds kinds = JsonKinds.None;
        if (schema.TryGet("type", out Keyword type))
        {
            kinds = Read(type);
        }
        else
        {
            foreach ((string keyword, JsonKinds implied) in Implied)
            {
                kinds |= schema.Has(keyword) ? implied : JsonKinds.None;
            }

            kinds = kinds == JsonKinds.None ? JsonKinds.Any : kinds;
        }

        return schema.TryGet("nullable", out Keyword nullable) && nullable.Value.ValueKind == JsonValueKind.True ? kinds | JsonKinds.Null : kinds;
    }

    /// <summary>The value of <c>type</c>.</summary>
    /// <exception cref="ArgumentException">It names no type.</exception>
    public static JsonKinds Read(Keyword type)
    {
        JsonKinds kinds = JsonKinds.None;
        IEnumerable<JsonElement> names = type.Value.ValueKind == JsonValueKind.Array ? type.Value.EnumerateArray() : [type.Value];
        foreach (JsonElement name in names)
        {
            JsonKinds named = name.ValueKind == JsonValueKind.String
                ? Types.FirstOrDefault(known => name.ValueEquals(known.Name)).Kinds
                : JsonKinds.None;
            kinds |= named != JsonKinds.None ? named : throw Schema.Invalid(type.Pointer, $"names no type of JSON: {name.GetRawText()}");
        }

        return kinds;
    }

    /// <summary>Writes types as a value of <c>type</c>.</summary>
    public static void Write(Utf8JsonWriter writer, JsonKinds kinds)
    {
        writer.WriteStartArray();
        foreach ((string name, JsonKinds type) in Types)
        {
            if ((kinds & type) == type && !(type == JsonKinds.Integer && (kinds & JsonKinds.Fraction) != 0))
            {
                writer.WriteStringValue(name);
            }
        }

        writer.WriteEndArray();
    }

    /// <summary>The type of a value.</summary>
    public static JsonKinds OfValue(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => JsonKinds.Null,
        JsonValueKind.True or JsonValueKind.False => JsonKinds.Boolean,
        JsonValueKind.Object => JsonKinds.Object,
        JsonValueKind.Array => JsonKinds.Array,
        JsonValueKind.String => JsonKinds.String,
        _ => value.TryGetDecimal(out decimal number) && number != decimal.Floor(number) ? JsonKinds.Fraction
            : value.GetDouble() is var rough && rough != Math.Floor(rough) ? JsonKinds.Fraction
            : JsonKinds.Integer,
    };
}
