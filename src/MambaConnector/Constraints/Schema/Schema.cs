using System.Text.Json;

namespace MambaConnector.Constraints;

/// <summary>The keywords of a schema, or of several that must all hold. Immutable.</summary>
internal sealed class Schema
{
    /// <summary>Keywords that say nothing about which values fit.</summary>
    private static readonly HashSet<string> Annotations =
    [
        "title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly", "$schema", "$id", "id", "$comment", "$defs",
        "definitions", "contentEncoding", "contentMediaType", "contentSchema", "discriminator", "strict",
    ];

    private static readonly HashSet<string> Assertions =
    [
        "type", "properties", "required", "additionalProperties", "enum", "const", "items", "prefixItems", "minItems", "maxItems", "minLength",
        "maxLength", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "anyOf", "oneOf", "allOf",
        "$ref", "nullable",
    ];

    private static readonly HashSet<string> LeastBounds = ["minItems", "minLength", "minimum", "exclusiveMinimum"];
    private static readonly HashSet<string> MostBounds = ["maxItems", "maxLength", "maximum", "exclusiveMaximum"];

    private readonly Dictionary<string, Keyword> _keywords;

    private Schema(Dictionary<string, Keyword> keywords, string pointer)
    {
        _keywords = keywords;
        Pointer = pointer;
    }

    /// <summary>Where it stands, as a JSON pointer.</summary>
    public string Pointer { get; }

    /// <summary>The names of its keywords, annotations left out.</summary>
    public IReadOnlyCollection<string> Names => _keywords.Keys;

    /// <summary>Reads a schema that is not <c>false</c>.</summary>
    /// <exception cref="ArgumentException">It is no schema, or uses a keyword that is not supported.</exception>
    public static Schema Read(JsonElement element, string pointer)
    {
        if (element.ValueKind == JsonValueKind.True)
        {
            return new Schema([], pointer);
        }

        if (element.ValueKind == JsonValueKind.False)
        {
            throw Invalid(pointer, "is false: no value fits it");
        }

        if (element.ValueKind != JsonValueKind.Object)
        {
            throw Invalid(pointer, "is no schema: it must be an object, true or false");
        }

        Dictionary<string, Keyword> keywords = [];
        foreach (JsonProperty property in element.EnumerateObject())
        {
            string at = Append(pointer, property.Name);
            if (Assertions.Contains(property.Name))
            {
                keywords[property.Name] = new Keyword(property.Value, at);
            }
            else if (!Annotations.Contains(property.Name) && !property.Name.StartsWith("x-", StringComparison.Ordinal))
            {
                throw Unsupported(property.Name, at);
            }
        }

        return new Schema(keywords, pointer);
    }

    /// <summary>The error of a schema that is malformed or that nothing fits.</summary>
    public static ArgumentException Invalid(string pointer, string what) => new($"The JSON schema's '{pointer}' {what}.");

    /// <summary>The error of a keyword that is not supported, or not as it is used.</summary>
    public static ArgumentException Unsupported(string keyword, string pointer, string how = "") =>
        new($"The JSON schema's keyword '{keyword}' at '{pointer}' is not supported{(how.Length == 0 ? "" : " " + how)}. "
            + "Leave it out and check the reply yourself, or express it otherwise.");

    /// <summary>A pointer with one more name.</summary>
    public static string Append(string pointer, string name) =>
        $"{pointer}/{name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";

    public bool Has(string name) => _keywords.ContainsKey(name);

    public bool TryGet(string name, out Keyword keyword) => _keywords.TryGetValue(name, out keyword);

    /// <summary>The schema without some of its keywords.</summary>
    public Schema Without(params ReadOnlySpan<string> names)
    {
        Dictionary<string, Keyword> keywords = new(_keywords);
        foreach (string name in names)
        {
            keywords.Remove(name);
        }

        return new Schema(keywords, Pointer);
    }

    /// <summary>A non-negative count; <paramref name="otherwise"/> if it is not there.</summary>
    public int Count(string name, int otherwise)
    {
        if (!TryGet(name, out Keyword keyword))
        {
            return otherwise;
        }

        return keyword.Value.ValueKind == JsonValueKind.Number && keyword.Value.TryGetDouble(out double value) && value >= 0 && value == Math.Floor(value)
            ? (int)Math.Min(value, int.MaxValue)
            : throw Invalid(keyword.Pointer, "must be a whole number from 0");
    }

    /// <summary>Both at once.</summary>
    /// <exception cref="ArgumentException">They use a keyword in ways that cannot be joined.</exception>
    public Schema And(Schema other)
    {
        RefuseOpenEnds(this, other);
        RefuseOpenEnds(other, this);
        Dictionary<string, Keyword> joined = new(_keywords);
        foreach ((string name, Keyword right) in other._keywords)
        {
            joined[name] = joined.TryGetValue(name, out Keyword left) && !JsonElement.DeepEquals(left.Value, right.Value)
                ? Join(name, left, right)
                : right;
        }

        return new Schema(joined, Pointer);
    }

    // What one says about properties and items that it does not list concerns those that the other lists.
    private static void RefuseOpenEnds(Schema left, Schema right)
    {
        if (left.TryGet("additionalProperties", out Keyword others) && others.Value.ValueKind != JsonValueKind.True
            && right.TryGet("properties", out Keyword properties)
            && !(left.TryGet("properties", out Keyword own) && properties.Value.EnumerateObject().All(property => own.Value.TryGetProperty(property.Name, out _))))
        {
            throw Unsupported("additionalProperties", others.Pointer, $"beside the properties of '{properties.Pointer}'");
        }

        if (left.TryGet("items", out Keyword items) && right.TryGet("prefixItems", out Keyword first) && !left.Has("prefixItems"))
        {
            throw Unsupported("items", items.Pointer, $"beside the items of '{first.Pointer}'");
        }
    }

    private static Keyword Join(string name, Keyword left, Keyword right)
    {
        switch (name)
        {
            case "required":
                return left with { Value = Write(writer => WriteUnion(writer, left.Value, right.Value)) };

            case "properties" or "items" or "additionalProperties":
                return left with
                {
                    Value = Write(writer =>
                    {
                        if (name == "properties")
                        {
                            WriteProperties(writer, left.Value, right.Value);
                        }
                        else
                        {
                            WriteBoth(writer, left.Value, right.Value);
                        }
                    }),
                };

            case "type":
                JsonKinds kinds = SchemaKinds.Read(left) & SchemaKinds.Read(right);
                return left with { Value = Write(writer => SchemaKinds.Write(writer, kinds)) };

            case "allOf":
                return left with { Value = Write(writer => WriteList(writer, left.Value, right.Value)) };
        }

        if (LeastBounds.Contains(name) || MostBounds.Contains(name))
        {
            bool isLeftLarger = left.Value.GetDouble() >= right.Value.GetDouble();
            return isLeftLarger == LeastBounds.Contains(name) ? left : right;
        }

        throw Unsupported(name, right.Pointer, $"beside another one at '{left.Pointer}'");
    }

    private static void WriteUnion(Utf8JsonWriter writer, JsonElement left, JsonElement right)
    {
        writer.WriteStartArray();
        foreach (string? name in left.EnumerateArray().Concat(right.EnumerateArray()).Select(item => item.GetString()).Distinct())
        {
            writer.WriteStringValue(name);
        }

        writer.WriteEndArray();
    }

    private static void WriteList(Utf8JsonWriter writer, JsonElement left, JsonElement right)
    {
        writer.WriteStartArray();
        foreach (JsonElement item in left.EnumerateArray().Concat(right.EnumerateArray()))
        {
            item.WriteTo(writer);
        }

        writer.WriteEndArray();
    }

    private static void WriteProperties(Utf8JsonWriter writer, JsonElement left, JsonElement right)
    {
        writer.WriteStartObject();
        foreach (JsonProperty property in left.EnumerateObject())
        {
            writer.WritePropertyName(property.Name);
            if (right.TryGetProperty(property.Name, out JsonElement other))
            {
                WriteBoth(writer, property.Value, other);
            }
            else
            {
                property.Value.WriteTo(writer);
            }
        }

        foreach (JsonProperty property in right.EnumerateObject().Where(property => !left.TryGetProperty(property.Name, out _)))
        {
            property.WriteTo(writer);
        }

        writer.WriteEndObject();
    }

    private static void WriteBoth(Utf8JsonWriter writer, JsonElement left, JsonElement right)
    {
        writer.WriteStartObject();
        writer.WriteStartArray("allOf");
        left.WriteTo(writer);
        right.WriteTo(writer);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static JsonElement Write(Action<Utf8JsonWriter> write)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            write(writer);
        }

        // As deep as the writer goes.
        using JsonDocument document = JsonDocument.Parse(stream.ToArray(), new JsonDocumentOptions { MaxDepth = 1000 });
        return document.RootElement.Clone();
    }
}
