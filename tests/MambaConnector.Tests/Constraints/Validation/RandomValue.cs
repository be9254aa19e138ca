using System.Globalization;
using System.Text;
using System.Text.Json;

namespace MambaConnector.Tests.Constraints.Validation;

/// <summary>Makes values that are meant to fit a schema, as the text that constrained decoding could write. Whether they do fit, the judge
/// says.</summary>
internal sealed class RandomValue(JsonElement root, Random random)
{
    private static readonly string[] Combinations = ["anyOf", "oneOf", "allOf"];
    private static readonly string[] Texts = ["", "a", "ab", "b c", "é", "😀", "\"", "\\", "\n\t", "\u0001", "/", "\u2028", "0", "zzzzzz"];
    private static readonly string[] Anything =
        ["null", "true", "-3", "12.5", "\"\"", "\"x\\n\"", "[]", "[1,[\"a\"]]", "{}", "{\"a\":{\"b\":null}}", "{\"k\":[],\"l\":\"\"}"];

    /// <returns>The text, or null where the way taken through the schema has no end.</returns>
    public string? Next() => Next(root, 6);

    // Behind a comma and a colon may stand a space.
    private string Space => random.Next(2) == 0 ? " " : "";

    /// <summary>A value that the schema lists, or any. Escapes are only those that JSON needs.</summary>
    private string Write(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Array => $"[{Join(value.EnumerateArray().Select(Write))}]",
        JsonValueKind.Object =>
            $"{{{Join(value.EnumerateObject().Select(member => $"{WriteListed(member.Name)}:{Space}{Write(member.Value)}"))}}}",
        JsonValueKind.String => WriteListed(value.GetString()!),
        _ => value.GetRawText(),
    };

    /// <summary>A string that a schema lists, or a key.</summary>
    public static string WriteListed(string text) => Write(text, _ => false);

    /// <summary>Free text may be spelled in any of JSON's ways.</summary>
    private string Write(string text) => Write(text, character => random.Next(8) == 0 && !char.IsSurrogate(character));

    private static string Write(string text, Func<char, bool> isEscaped)
    {
        StringBuilder output = new("\"");
        foreach (char character in text)
        {
            output.Append(character switch
            {
                '"' or '\\' => $"\\{character}",
                '\n' => "\\n",
                '\t' => "\\t",
                '/' when isEscaped(character) => "\\/",
                _ when character < ' ' || isEscaped(character) => $"\\u{(int)character:x4}",
                _ => character.ToString(),
            });
        }

        return output.Append('"').ToString();
    }

    private string? Next(JsonElement schema, int depth)
    {
        if (depth < 0 || schema.ValueKind == JsonValueKind.False)
        {
            return null;
        }

        if (schema.ValueKind == JsonValueKind.True)
        {
            return Write(JsonElement.Parse(Pick(Anything)));
        }

        if (schema.TryGetProperty("$ref", out JsonElement reference))
        {
            return Resolve(reference.GetString()!) is { } target ? Next(target, depth - 1) : null;
        }

        if (schema.TryGetProperty("enum", out JsonElement values))
        {
            return values.GetArrayLength() == 0 ? null : Write(values[random.Next(values.GetArrayLength())]);
        }

        // One of the parts; where there are keywords beside them, or these.
        string? combination = Combinations.FirstOrDefault(
            name => schema.TryGetProperty(name, out JsonElement parts) && parts.GetArrayLength() > 0);
        if (combination is not null && (!schema.TryGetProperty("type", out _) || random.Next(4) == 0))
        {
            JsonElement parts = schema.GetProperty(combination);
            return Next(parts[random.Next(parts.GetArrayLength())], depth - 1);
        }

        if (schema.TryGetProperty("const", out JsonElement constant))
        {
            return Write(constant);
        }

        if (!schema.TryGetProperty("type", out JsonElement type))
        {
            return Write(JsonElement.Parse(Pick(Anything)));
        }

        return (type.ValueKind == JsonValueKind.Array ? type[random.Next(type.GetArrayLength())] : type).GetString() switch
        {
            "null" => "null",
            "boolean" => Pick(["true", "false"]),
            "integer" => NextNumber(schema, 1),
            "number" => NextNumber(schema, Pick([1, 10, 100])),
            "string" => Write(NextText(schema)),
            "array" => NextArray(schema, depth),
            _ => NextObject(schema, depth),
        };
    }

    private JsonElement? Resolve(string reference) => reference == "#" ? root
        : root.TryGetProperty("$defs", out JsonElement all) && all.TryGetProperty(reference["#/$defs/".Length..], out JsonElement target)
            ? target
            : null;

    private string NextNumber(JsonElement schema, int parts)
    {
        decimal? Limit(string name) =>
            schema.TryGetProperty(name, out JsonElement limit)
                ? decimal.Parse(limit.GetRawText(), NumberStyles.Float, CultureInfo.InvariantCulture)
                : null;
        decimal? low = Limit("minimum") ?? Limit("exclusiveMinimum");
        decimal? high = Limit("maximum") ?? Limit("exclusiveMaximum");
        decimal first = decimal.Ceiling((low ?? (high ?? 0) - 1000) * parts);
        decimal last = decimal.Floor((high ?? first + 2000) * parts);
        decimal offset = random.Next(3) switch { 0 => 0, 1 => last - first, _ => random.NextInt64(0, (long)Math.Max(1, last - first + 1)) };
        return ((first + offset) / parts).ToString("0.##", CultureInfo.InvariantCulture);
    }

    private string NextText(JsonElement schema)
    {
        if (schema.TryGetProperty("pattern", out JsonElement pattern))
        {
            return Pick(RandomSchema.Patterns[pattern.GetString()!]);
        }

        StringBuilder text = new(Pick(Texts));
        int shortest = schema.TryGetProperty("minLength", out JsonElement limit) ? limit.GetInt32() : 0;
        while (text.ToString().EnumerateRunes().Count() < shortest)
        {
            text.Append(Pick(Texts));
        }

        return text.ToString();
    }

    private string? NextArray(JsonElement schema, int depth)
    {
        int fewest = schema.TryGetProperty("minItems", out JsonElement limit) ? limit.GetInt32() : 0;
        int prefix = schema.TryGetProperty("prefixItems", out JsonElement prefixItems) ? prefixItems.GetArrayLength() : 0;
        bool hasItems = schema.TryGetProperty("items", out JsonElement items);
        int count = fewest + random.Next(depth > 3 ? 4 : 1);
        List<string> all = [];
        for (int index = 0; index < count; index++)
        {
            if (Next(index < prefix ? prefixItems[index] : hasItems ? items : JsonElement.Parse("true"), depth - 1) is not string item)
            {
                return null;
            }

            all.Add(item);
        }

        return $"[{Join(all)}]";
    }

    private string? NextObject(JsonElement schema, int depth)
    {
        Dictionary<string, JsonElement> named = schema.TryGetProperty("properties", out JsonElement properties)
            ? properties.EnumerateObject().ToDictionary(member => member.Name, member => member.Value)
            : [];
        string[] required = schema.TryGetProperty("required", out JsonElement names)
            ? [.. names.EnumerateArray().Select(name => name.GetString()!)]
            : [];
        JsonElement additional = schema.TryGetProperty("additionalProperties", out JsonElement given) ? given : JsonElement.Parse("true");
        HashSet<string> chosen = [.. required, .. named.Keys.Where(_ => depth > 2 && random.Next(2) == 0)];
        if (additional.ValueKind != JsonValueKind.False && random.Next(2) == 0)
        {
            chosen.Add(Pick(["a", "abc", "other", "nam", "", "é\n"]));
        }

        string[] order = [.. chosen];
        random.Shuffle(order);
        List<string> members = [];
        foreach (string name in order)
        {
            if (Next(named.TryGetValue(name, out JsonElement member) ? member : additional, depth - 1) is not string value)
            {
                return null;
            }

            members.Add($"{WriteListed(name)}:{Space}{value}");
        }

        return $"{{{Join(members)}}}";
    }

    private string Join(IEnumerable<string> items) => string.Concat(items.Select((item, index) => index == 0 ? item : $",{Space}{item}"));

    private T Pick<T>(T[] choices) => choices[random.Next(choices.Length)];
}
