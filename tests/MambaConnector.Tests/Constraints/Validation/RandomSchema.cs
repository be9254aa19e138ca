using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using FsCheck;
using FsCheck.Fluent;

namespace MambaConnector.Tests.Constraints.Validation;

/// <summary>Schemas, as JSON text, made of what constrained decoding supports; a failing one is shrunk by taking parts away.</summary>
internal static class RandomSchema
{
    /// <summary>Patterns of strings, and texts that fit each.</summary>
    public static readonly IReadOnlyDictionary<string, string[]> Patterns = new Dictionary<string, string[]>
    {
        ["^[a-z]+$"] = ["a", "bc", "xyzzy"],
        ["^[A-Z][a-z]{1,3}$"] = ["Ab", "Cde", "Zyxw"],
        [@"^\d{4}-\d{2}-\d{2}$"] = ["2024-01-31", "0000-00-00"],
        ["^(yes|no|maybe)$"] = ["yes", "no", "maybe"],
        [@"^\w+@\w+\.(com|org)$"] = ["a@b.com", "me_2@x.org"],
        ["^a?b*c+$"] = ["c", "abbc", "bcc"],
        ["[0-9]"] = ["0", "a1b", "é7"],
        ["^x"] = ["x", "x\n\"", "xé"],
        ["z$"] = ["z", "\\z", " z"],
        ["^[^a-z]{2}$"] = ["AB", "1é", "😀\n"],
        ["^[é😀-😃]+$"] = ["😀", "é😂"],
        ["^.{1,2}$"] = ["a", "é\"", "😀😀"],
    };

    private static readonly string[] Names = ["a", "ab", "b", "name", "a b", "é", "\"q\"", "\\", "", "😀", "line\n", "toString"];

    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-1", "7", "2.5", "1000000", "-0.001", "\"\"", "\"a\"", "\"ab\"", "\"b\"", "\"é\"", "\"\\\"\\\\\\n\"",
        "\"😀\"", "[]", "[1]", "[1,2]", "[\"a\",null]", "{}", "{\"a\":1}", "{\"a\":1,\"b\":[true]}",
    ];

    /// <summary>Whole schemas, with definitions where they refer to any.</summary>
    public static Arbitrary<string> Create() => Arb.From(Documents(), Shrink);

    private static Gen<string> Documents() =>
        from root in Schemas(3)
        from x in Schemas(1)
        from y in Schemas(2)
        select root == "true" || !(root + x + y).Contains("$ref", StringComparison.Ordinal)
            ? root
            : $"{root[..^1]}{(root.Length > 2 ? "," : "")}\"$defs\":{{\"x\":{x},\"y\":{y}}}}}";

    private static Gen<string> Schemas(int depth)
    {
        Gen<string>[] leaves =
        [
            Integers(), Numbers(), Strings(),
            Gen.Elements(
                "{\"type\":\"boolean\"}", "{\"type\":\"null\"}", "{\"type\":[\"string\",\"null\"]}",
                "{\"type\":[\"integer\",\"boolean\"]}"),
            from values in Some(Gen.Elements(Values), 1, 4)
            from other in Gen.Elements(
                "", "", "\"type\":\"string\"", "\"type\":[\"integer\",\"array\"]", "\"type\":\"string\",\"minLength\":1")
            select Join($"\"enum\":[{string.Join(',', values)}]", other),
            from value in Gen.Elements(Values) select $"{{\"const\":{value}}}",
        ];
        if (depth == 0)
        {
            return Gen.OneOf(leaves);
        }

        return Gen.Frequency(
            (4, Gen.OneOf(leaves)), (5, Objects(depth)), (3, Arrays(depth)),
            (2, Combinations(depth)),
            (2, from choices in Some(Schemas(depth - 1), 1, 3) select $"{{\"anyOf\":[{string.Join(',', choices)}]}}"),
            (1, Gen.Elements("{\"$ref\":\"#/$defs/x\"}", "{\"$ref\":\"#/$defs/y\"}", "{\"anyOf\":[{\"type\":\"null\"},{\"$ref\":\"#\"}]}")),
            (1, Gen.Elements("{}", "true", "{\"type\":\"object\"}", "{\"type\":\"array\"}")));
    }

    private static Gen<string> Integers() =>
        from low in Gen.Choose(-1200, 1200)
        from span in Gen.OneOf(Gen.Choose(0, 3), Gen.Choose(0, 3000))
        from lower in Gen.Elements("", $"\"minimum\":{low}", $"\"exclusiveMinimum\":{low - 1}", $"\"minimum\":{low - 1}.5")
        from upper in Gen.Elements("", $"\"maximum\":{low + span}", $"\"exclusiveMaximum\":{low + span + 1}", $"\"maximum\":{low + span}e0")
        select Join("\"type\":\"integer\"", lower, upper);

    private static Gen<string> Numbers() =>
        from low in Gen.Choose(-900, 900)
        from span in Gen.OneOf(Gen.Choose(1, 5), Gen.Choose(1, 3000))
        from lower in Gen.Elements("", $"\"minimum\":{Tenths(low)}", $"\"exclusiveMinimum\":{Tenths(low)}")
        from upper in Gen.Elements("", $"\"maximum\":{Tenths(low + span)}", $"\"exclusiveMaximum\":{Tenths(low + span)}")
        select Join("\"type\":\"number\"", lower, upper);

    private static Gen<string> Strings() => Gen.Frequency(
        (2, from shortest in Gen.Choose(0, 4)
            from more in Gen.Choose(0, 6)
            from lower in Gen.Elements("", $"\"minLength\":{shortest}")
            from upper in Gen.Elements("", $"\"maxLength\":{shortest + more}")
            select Join("\"type\":\"string\"", lower, upper)),
        (1, from pattern in Gen.Elements(Patterns.Keys.ToArray())
            from limit in Gen.Elements("", "", "\"minLength\":2", "\"maxLength\":4")
            select Join("\"type\":\"string\"", $"\"pattern\":{Quote(pattern)}", limit)));

    private static Gen<string> Arrays(int depth) =>
        from item in Schemas(depth - 1)
        from prefix in Some(Schemas(depth - 1), 1, 2)
        from fewest in Gen.Choose(0, 3)
        from more in Gen.Choose(0, 3)
        from items in Gen.Elements("", $"\"items\":{item}", $"\"items\":{item}", "\"items\":false")
        from prefixItems in Gen.Elements("", "", $"\"prefixItems\":[{string.Join(',', prefix)}]")
        from lower in Gen.Elements("", $"\"minItems\":{fewest}")
        from upper in Gen.Elements("", $"\"maxItems\":{fewest + more}")
        select Join("\"type\":\"array\"", items, prefixItems, lower, upper);

    private static Gen<string> Objects(int depth) =>
        from names in Some(Gen.Elements(Names), 0, 5)
        let distinct = names.Distinct().ToArray()
        from schemas in Schemas(depth - 1).ArrayOf(distinct.Length)
        from isRequired in Gen.Elements(true, false).ArrayOf(distinct.Length)
        from other in Schemas(Math.Max(0, depth - 2))
        from additional in Gen.Elements(
            "\"additionalProperties\":false", "\"additionalProperties\":false", "", "\"additionalProperties\":true",
            $"\"additionalProperties\":{other}")
        let properties = string.Join(',', distinct.Zip(schemas, (name, schema) => $"{Quote(name)}:{schema}"))
        let needed = string.Join(',', distinct.Where((_, index) => isRequired[index]).Select(Quote))
        let required = needed.Length == 0 ? "" : $"\"required\":[{needed}]"
        select Join("\"type\":\"object\"", $"\"properties\":{{{properties}}}", required, additional);

    // Keywords beside a choice, and several schemas at once.
    private static Gen<string> Combinations(int depth) => Gen.OneOf(
        from one in Objects(depth)
        from other in Objects(depth)
        select $"{{\"allOf\":[{one},{other}]}}",
        from one in Objects(depth)
        from name in Gen.Elements(Names)
        from schema in Schemas(0)
        select $"{one[..^1]},\"allOf\":[{{\"type\":\"object\",\"properties\":{{{Quote(name)}:{schema}}}}}]}}",
        from one in Objects(depth)
        from names in Gen.Elements(Names).Two()
        select $"{one[..^1]},\"anyOf\":[{{\"required\":[{Quote(names.Item1)}]}},{{\"required\":[{Quote(names.Item2)}]}}]}}",
        from one in Integers()
        from other in Gen.OneOf(Integers(), Numbers())
        select $"{{\"allOf\":[{one},{other}]}}",
        from one in Arrays(depth)
        from other in Arrays(depth)
        select $"{{\"allOf\":[{one},{other}]}}",
        from one in Schemas(0)
        from other in Objects(depth)
        select $"{{\"oneOf\":[{one},{other},{{\"type\":\"null\"}}]}}",
        from limit in Gen.Elements(
            "\"description\":\"d\"", "\"type\":[\"string\",\"integer\",\"object\"]", "\"type\":\"string\",\"minLength\":2")
        from target in Gen.Elements("x", "y")
        select $"{{\"$ref\":\"#/$defs/{target}\",{limit}}}");

    private static Gen<T[]> Some<T>(Gen<T> items, int fewest, int most) =>
        Gen.Choose(fewest, most).SelectMany(count => items.ArrayOf(count));

    private static string Join(params string[] members) => $"{{{string.Join(',', members.Where(member => member.Length > 0))}}}";

    private static string Tenths(int count) => (count / 10m).ToString(CultureInfo.InvariantCulture);

    private static string Quote(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    /// <summary>The schemas that have one part less.</summary>
    public static IEnumerable<string> Shrink(string schema) =>
        Smaller(JsonNode.Parse(schema)).Select(smaller => smaller?.ToJsonString() ?? "null");

    /// <summary>The node with one part less, wherever it stands.</summary>
    private static IEnumerable<JsonNode?> Smaller(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                foreach ((string name, JsonNode? child) in members.Where(member => member.Key != "type"))
                {
                    JsonObject without = (JsonObject)members.DeepClone();
                    without.Remove(name);
                    yield return without;
                    foreach (JsonNode? smaller in Smaller(child))
                    {
                        JsonObject with = (JsonObject)members.DeepClone();
                        with[name] = smaller;
                        yield return with;
                    }
                }

                break;
            case JsonArray items:
                for (int index = 0; index < items.Count; index++)
                {
                    JsonArray without = (JsonArray)items.DeepClone();
                    without.RemoveAt(index);
                    yield return without;
                    foreach (JsonNode? smaller in Smaller(items[index]))
                    {
                        JsonArray with = (JsonArray)items.DeepClone();
                        with[index] = smaller;
                        yield return with;
                    }
                }

                break;
        }
    }
}
