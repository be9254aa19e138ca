using System.Text.Json;

namespace MambaConnector.Tests.Constraints.Validation;

/// <summary>Says whether a value fits a JSON Schema (2020-12): the judge of what constrained decoding writes. Slow, obvious, and none of
/// the library's code in it.</summary>
/// <remarks>A schema with an assertion that is not known here is an error, never a yes. Beyond the specification, a value with two
/// properties of one name, or with half of a surrogate pair in a string, fits no schema: readers differ about what it means.</remarks>
internal sealed class JsonSchemaValidator
{
    private static readonly HashSet<string> Annotations =
    [
        "$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "format", "deprecated",
        "readOnly", "writeOnly",
    ];

    private readonly JsonElement _root;
    private int _depth;

    private JsonSchemaValidator(JsonElement root) => _root = root;

    /// <summary>Whether a value fits a schema.</summary>
    /// <param name="schema">The schema; its references are fragments of itself.</param>
    /// <param name="value">The value.</param>
    /// <param name="why">Where and why it does not fit; null when it does.</param>
    /// <exception cref="NotSupportedException">The schema has a keyword that is not known here.</exception>
    public static bool IsValid(JsonElement schema, JsonElement value, out string? why)
    {
        why = FindAmbiguity(value, "") ?? new JsonSchemaValidator(schema).Check(schema, value, "");
        return why is null;
    }

    private static string? FindAmbiguity(JsonElement value, string at)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Array:
                return value.EnumerateArray()
                    .Select((item, index) => FindAmbiguity(item, $"{at}/{index}"))
                    .FirstOrDefault(why => why is not null);
            case JsonValueKind.Object:
                HashSet<string> names = [];
                return value.EnumerateObject()
                    .Select(member => names.Add(member.Name)
                        ? FindAmbiguity(member.Value, $"{at}/{member.Name}")
                        : $"{at}: two properties '{member.Name}'")
                    .FirstOrDefault(why => why is not null);
            case JsonValueKind.String:
                try
                {
                    _ = value.GetString();
                    return null;
                }
                catch (InvalidOperationException)
                {
                    return $"{at}: half of a surrogate pair in {value.GetRawText()}";
                }

            default:
                return null;
        }
    }

    /// <returns>Where and why the value does not fit, or null.</returns>
    private string? Check(JsonElement schema, JsonElement value, string at)
    {
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
        {
            return schema.ValueKind == JsonValueKind.True ? null : $"{at}: nothing is allowed here";
        }

        if (++_depth > 500)
        {
            throw new NotSupportedException("The schema refers to itself without end.");
        }

        string? why = schema.EnumerateObject()
            .Select(keyword => Check(schema, keyword.Name, keyword.Value, value, at))
            .FirstOrDefault(reason => reason is not null);
        _depth--;
        return why;
    }

    private string? Check(JsonElement schema, string keyword, JsonElement wanted, JsonElement value, string at)
    {
        bool Fits(JsonElement subschema) => Check(subschema, value, at) is null;
        string? Require(bool condition) => condition ? null : $"{at}: {keyword} {wanted.GetRawText()} against {value.GetRawText()}";
        string? RequireNumber(Func<JsonDecimal, JsonDecimal, bool> condition) =>
            Require(value.ValueKind != JsonValueKind.Number || condition(JsonDecimal.Of(value), JsonDecimal.Of(wanted)));
        string? RequireString(Func<string, bool> condition) =>
            Require(value.ValueKind != JsonValueKind.String || condition(value.GetString()!));
        string? RequireLength(Func<int, bool> condition) =>
            Require(value.ValueKind != JsonValueKind.Array || condition(value.GetArrayLength()));
        string? RequireCount(Func<int, bool> condition) =>
            Require(value.ValueKind != JsonValueKind.Object || condition(value.GetPropertyCount()));

        return keyword switch
        {
            "$ref" => Check(Resolve(wanted.GetString()!), value, at),
            "type" => Require(wanted.ValueKind == JsonValueKind.Array
                ? wanted.EnumerateArray().Any(type => IsOfType(value, type.GetString()!))
                : IsOfType(value, wanted.GetString()!)),
            "enum" => Require(wanted.EnumerateArray().Any(choice => JsonEquality.AreEqual(choice, value))),
            "const" => Require(JsonEquality.AreEqual(wanted, value)),

            "allOf" => wanted.EnumerateArray().Select(each => Check(each, value, at)).FirstOrDefault(why => why is not null),
            "anyOf" => Require(wanted.EnumerateArray().Any(Fits)),
            "oneOf" => Require(wanted.EnumerateArray().Count(Fits) == 1),
            "not" => Require(!Fits(wanted)),

            "minimum" => RequireNumber((number, limit) => number.CompareTo(limit) >= 0),
            "maximum" => RequireNumber((number, limit) => number.CompareTo(limit) <= 0),
            "exclusiveMinimum" => RequireNumber((number, limit) => number.CompareTo(limit) > 0),
            "exclusiveMaximum" => RequireNumber((number, limit) => number.CompareTo(limit) < 0),
            "multipleOf" => RequireNumber((number, divisor) => number.IsMultipleOf(divisor)),

            "minLength" => RequireString(text => text.EnumerateRunes().Count() >= Limit(wanted)),
            "maxLength" => RequireString(text => text.EnumerateRunes().Count() <= Limit(wanted)),
            "pattern" => RequireString(text => EcmaScriptPattern.IsMatch(wanted.GetString()!, text)),

            "prefixItems" or "items" => CheckItems(schema, keyword, wanted, value, at),
            "minItems" => RequireLength(length => length >= Limit(wanted)),
            "maxItems" => RequireLength(length => length <= Limit(wanted)),
            "uniqueItems" => Require(
                wanted.ValueKind == JsonValueKind.False || value.ValueKind != JsonValueKind.Array || AreDistinct(value)),

            "properties" or "additionalProperties" => CheckProperties(schema, keyword, wanted, value, at),
            "required" => Require(
                value.ValueKind != JsonValueKind.Object
                || wanted.EnumerateArray().All(name => value.TryGetProperty(name.GetString()!, out _))),
            "minProperties" => RequireCount(count => count >= Limit(wanted)),
            "maxProperties" => RequireCount(count => count <= Limit(wanted)),

            _ when Annotations.Contains(keyword) => null,
            _ => throw new NotSupportedException($"The judge does not know the keyword '{keyword}'."),
        };
    }

    private string? CheckItems(JsonElement schema, string keyword, JsonElement wanted, JsonElement value, string at)
    {
        if (value.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        int prefix = schema.TryGetProperty("prefixItems", out JsonElement schemas) ? schemas.GetArrayLength() : 0;
        return value.EnumerateArray()
            .Select((item, index) => keyword == "prefixItems"
                ? index < prefix ? Check(wanted[index], item, $"{at}/{index}") : null
                : index >= prefix ? Check(wanted, item, $"{at}/{index}") : null)
            .FirstOrDefault(why => why is not null);
    }

    private string? CheckProperties(JsonElement schema, string keyword, JsonElement wanted, JsonElement value, string at)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        foreach (JsonProperty member in value.EnumerateObject())
        {
            JsonElement subschema = default;
            bool isNamed = schema.TryGetProperty("properties", out JsonElement named) && named.TryGetProperty(member.Name, out subschema);
            if (isNamed == (keyword == "properties") && Check(isNamed ? subschema : wanted, member.Value, $"{at}/{member.Name}") is { } why)
            {
                return why;
            }
        }

        return null;
    }

    private static bool IsOfType(JsonElement value, string type) => type switch
    {
        "null" => value.ValueKind == JsonValueKind.Null,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "string" => value.ValueKind == JsonValueKind.String,
        "array" => value.ValueKind == JsonValueKind.Array,
        "object" => value.ValueKind == JsonValueKind.Object,
        "number" => value.ValueKind == JsonValueKind.Number,
        "integer" => value.ValueKind == JsonValueKind.Number && JsonDecimal.Of(value).IsInteger,
        _ => throw new NotSupportedException($"JSON has no type '{type}'."),
    };

    private static bool AreDistinct(JsonElement array) => array.EnumerateArray()
        .Select((item, index) => array.EnumerateArray().Take(index).All(before => !JsonEquality.AreEqual(before, item)))
        .All(isNew => isNew);

    private static double Limit(JsonElement wanted) => wanted.GetDouble();

    private JsonElement Resolve(string reference)
    {
        if (reference != "#" && !reference.StartsWith("#/", StringComparison.Ordinal))
        {
            throw new NotSupportedException($"'{reference}' is no pointer within the schema.");
        }

        JsonElement target = _root;
        foreach (string part in reference.Split('/').Skip(1))
        {
            string name = Uri.UnescapeDataString(part)
                .Replace("~1", "/", StringComparison.Ordinal)
                .Replace("~0", "~", StringComparison.Ordinal);
            target = target.ValueKind == JsonValueKind.Array
                ? target[int.Parse(name, System.Globalization.CultureInfo.InvariantCulture)]
                : target.GetProperty(name);
        }

        return target;
    }
}
