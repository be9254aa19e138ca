using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace MambaConnector.Constraints;

/// <summary>Makes a grammar of a JSON schema (draft 2020-12, and what OpenAPI and .NET write).</summary>
/// <remarks>The grammar may allow less than the schema: numbers have at most 15 digits (integers without bounds 9) and no exponent, white
/// space is at most one space behind commas and colons, a key does not come twice, and declared keys and listed values are spelled one way. Everything it allows
/// fits.</remarks>
internal sealed class SchemaCompiler
{
    // A schema may come from anywhere: what calls itself, and what is written out again and again, has an end.
    private const int MaximumJsonDepth = 256;
    private const int MaximumDepth = 1000;
    private const int MaximumSchemas = 50_000;
    private const int MaximumNestedJoins = 64;
    private const int MaximumJoins = 4096;

    private readonly JsonElement _root;
    private readonly Dictionary<string, ReferenceNode> _references = [];
    private readonly Dictionary<string, ReferenceNode> _composed = [];
    private readonly Dictionary<string, Grammar> _shared = [];
    private int _depth;
    private int _schemas;
    private int _joins;

    private SchemaCompiler(JsonElement root) => _root = root;

    /// <summary>Compiles a schema.</summary>
    /// <exception cref="ArgumentException">The schema is malformed, no value fits it, or it uses what is not supported; the message names
    /// the keyword and where it stands.</exception>
    public static Grammar Compile(JsonElement schema)
    {
        CheckDepth(schema);
        Grammar grammar = new SchemaCompiler(schema).Compile(schema, "#");
        return new CostTable(grammar, null).Of(grammar, Automaton.MaximumNesting) < CostTable.Infinite
            ? grammar
            : throw Schema.Invalid("#", "cannot be satisfied: no finite JSON value within the supported bounds fits it");
    }

    private static void CheckDepth(JsonElement schema)
    {
        if (schema.ValueKind == JsonValueKind.Undefined)
        {
            return;
        }

        Utf8JsonReader reader = new(
            JsonMarshal.GetRawUtf8Value(schema),
            new JsonReaderOptions { MaxDepth = int.MaxValue, AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
        while (reader.Read())
        {
            if (reader.CurrentDepth > MaximumJsonDepth)
            {
                throw Schema.Invalid("#", $"is nested more than {MaximumJsonDepth} levels deep");
            }
        }
    }

    private Grammar Compile(JsonElement element, string pointer)
    {
        if (element.ValueKind == JsonValueKind.False && pointer != "#")
        {
            return JsonNodes.Nothing;
        }

        Enter(pointer);
        try
        {
            Schema schema = Schema.Read(element, pointer);
            Grammar grammar = schema.TryGet("$ref", out Keyword reference) && schema.Names.Count == 1 ? Reference(reference)
                : schema.Names.Any(name => name is "$ref" or "allOf" or "anyOf" or "oneOf") ? Composed(schema, element.GetRawText())
                : Compile(schema);
            _depth--;
            return grammar;
        }
        catch (InvalidOperationException exception)
        {
            // A value of another type than its keyword has, or half a surrogate pair.
            throw new ArgumentException($"The JSON schema is malformed at or below '{pointer}': {exception.Message}", exception);
        }
    }

    private void Enter(string pointer)
    {
        if (++_depth > MaximumDepth || ++_schemas > MaximumSchemas)
        {
            throw Schema.Invalid(pointer, "is too deep or too large, or refers to itself without end");
        }
    }

    private Grammar Compile(Schema schema)
    {
        Enter(schema.Pointer);
        Grammar grammar = CompileFlat(Flatten(schema));
        _depth--;
        return grammar;
    }

    private Grammar CompileFlat(Schema schema)
    {
        if (schema.Has("anyOf") || schema.Has("oneOf"))
        {
            return CompileAlternatives(schema);
        }

        if (schema.Has("enum") || schema.Has("const"))
        {
            return CompileValues(schema);
        }

        if (schema.Names.Count == 0)
        {
            return JsonNodes.Any;
        }

        List<Grammar> kinds = [];
        JsonKinds allowed = SchemaKinds.Of(schema);
        Add(JsonKinds.Object, CompileObject);
        Add(JsonKinds.Array, CompileArray);
        Add(JsonKinds.String, CompileString);
        Add(JsonKinds.Integer, CompileNumber);
        Add(JsonKinds.Boolean, _ => JsonNodes.Boolean);
        Add(JsonKinds.Null, _ => JsonNodes.Null);
        return Grammar.Choice(kinds);

        void Add(JsonKinds kind, Func<Schema, Grammar> compile)
        {
            if ((allowed & kind) != 0)
            {
                kinds.Add(compile(schema));
            }
        }
    }

    // What is joined of several schemas may contain itself, like that to which a reference leads: the same text is the same grammar.
    private ReferenceNode Composed(Schema schema, string text)
    {
        if (!_composed.TryGetValue(text, out ReferenceNode? node))
        {
            node = new ReferenceNode { Target = JsonNodes.Nothing };
            _composed.Add(text, node);
            node.Target = Compile(schema);
        }

        return node;
    }

    private ReferenceNode Reference(Keyword reference)
    {
        string pointer = PointerOf(reference);
        if (!_references.TryGetValue(pointer, out ReferenceNode? node))
        {
            node = new ReferenceNode { Target = JsonNodes.Nothing };
            _references.Add(pointer, node);
            node.Target = Compile(Resolve(reference), pointer);
        }

        return node;
    }

    /// <summary>A schema of its own keywords, those that it refers to and those of its <c>allOf</c>, all in one.</summary>
    private Schema Flatten(Schema schema, int joins = 0)
    {
        for (; schema.Has("$ref") || schema.Has("allOf"); joins++)
        {
            if (joins >= MaximumNestedJoins)
            {
                throw Schema.Invalid(schema.Pointer, "refers to itself without end");
            }

            if (++_joins > MaximumJoins)
            {
                throw Schema.Invalid("#", $"joins schemas more than {MaximumJoins} times");
            }

            if (schema.TryGet("$ref", out Keyword reference))
            {
                schema = schema.Without("$ref").And(Schema.Read(Resolve(reference), PointerOf(reference)));
            }
            else
            {
                _ = schema.TryGet("allOf", out Keyword all);
                schema = schema.Without("allOf");
                foreach ((JsonElement part, string pointer) in Items(all))
                {
                    schema = schema.And(Flatten(Schema.Read(part, pointer), joins + 1));
                }
            }
        }

        return schema;
    }

    private Grammar CompileAlternatives(Schema schema)
    {
        string name = schema.Has("anyOf") ? "anyOf" : "oneOf";
        if (name == "anyOf" && schema.TryGet("oneOf", out Keyword both))
        {
            throw Schema.Unsupported("oneOf", both.Pointer, "beside anyOf");
        }

        _ = schema.TryGet(name, out Keyword keyword);
        Schema common = schema.Without(name);
        List<(JsonElement Value, string Pointer)> parts = [.. Items(keyword).Where(part => part.Value.ValueKind != JsonValueKind.False)];
        if (name == "oneOf")
        {
            SchemaDistinction.Check([.. parts.Select(part => Flatten(Schema.Read(part.Value, part.Pointer)))], keyword);
        }

        return Grammar.Choice([.. parts.Select(part =>
            common.Names.Count == 0 ? Compile(part.Value, part.Pointer) : Compile(common.And(Flatten(Schema.Read(part.Value, part.Pointer)))))]);
    }

    private Grammar CompileValues(Schema schema)
    {
        List<JsonElement> values = SchemaDistinction.Values(schema)!;
        Schema rest = schema.Without("enum", "const");
        IEnumerable<JsonElement> allowed = values.Where(value => (SchemaKinds.Of(rest) & SchemaKinds.OfValue(value)) != 0);
        if (rest.Names.Any(name => name is not ("type" or "nullable")))
        {
            // The rest decides by its own grammar.
            Grammar grammar = Compile(rest);
            CostTable costs = new(grammar, null);
            allowed = allowed.Where(value => new Automaton(grammar, costs) is var automaton
                && automaton.Step(automaton.Start, Encoding.UTF8.GetBytes(CanonicalJson.Write(value))).IsAccepting);
        }

        return Grammar.Choice([.. allowed.DistinctBy(CanonicalJson.Write).Select(Constant)]);
    }

    private static Grammar Constant(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => Enclosed(
            JsonNodes.OpenBrace, value.EnumerateObject().Select(member => JsonNodes.Member(member.Name, Constant(member.Value))), JsonNodes.CloseBrace),
        JsonValueKind.Array => Enclosed(JsonNodes.OpenBracket, value.EnumerateArray().Select(Constant), JsonNodes.CloseBracket),
        _ => Grammar.Literal(CanonicalJson.Write(value)),
    };

    private static SequenceNode Enclosed(Grammar open, IEnumerable<Grammar> items, Grammar close) => new SequenceNode(
        [open, .. items.SelectMany((item, index) => index == 0 ? (Grammar[])[item] : [JsonNodes.Comma, item]), close], isContainer: true);

    private Grammar CompileObject(Schema schema)
    {
        HashSet<string> required = [];
        if (schema.TryGet("required", out Keyword names))
        {
            foreach ((JsonElement name, string pointer) in Items(names))
            {
                required.Add(name.ValueKind == JsonValueKind.String ? name.GetString()! : throw Schema.Invalid(pointer, "must be a string"));
            }
        }

        Grammar? others = JsonNodes.Any;
        if (schema.TryGet("additionalProperties", out Keyword additional))
        {
            others = additional.Value.ValueKind == JsonValueKind.False ? null : Compile(additional.Value, additional.Pointer);
        }

        Dictionary<string, ObjectProperty> properties = [];
        if (schema.TryGet("properties", out Keyword declared))
        {
            if (declared.Value.ValueKind != JsonValueKind.Object)
            {
                throw Schema.Invalid(declared.Pointer, "must be an object");
            }

            foreach (JsonProperty property in declared.Value.EnumerateObject())
            {
                Grammar value = Compile(property.Value, Schema.Append(declared.Pointer, property.Name));
                properties[property.Name] = new ObjectProperty(property.Name, value, required.Contains(property.Name));
            }
        }

        foreach (string name in required.Where(name => !properties.ContainsKey(name)))
        {
            properties[name] = new ObjectProperty(name, others ?? JsonNodes.Nothing, true);
        }

        return new ObjectNode([.. properties.Values], others);
    }

    private Grammar CompileArray(Schema schema)
    {
        List<Grammar> first = [];
        if (schema.TryGet("prefixItems", out Keyword prefix))
        {
            first.AddRange(Items(prefix).Select(item => Compile(item.Value, item.Pointer)));
        }

        Grammar? rest = JsonNodes.Any;
        if (schema.TryGet("items", out Keyword items))
        {
            rest = items.Value.ValueKind switch
            {
                JsonValueKind.False => null,
                JsonValueKind.Array => throw Schema.Unsupported("items", items.Pointer, "as a list of schemas (write prefixItems)"),
                _ => Compile(items.Value, items.Pointer),
            };
        }

        return new ArrayNode(first, rest, schema.Count("minItems", 0), schema.Count("maxItems", int.MaxValue));
    }

    private Grammar CompileString(Schema schema)
    {
        int minimum = schema.Count("minLength", 0);
        int maximum = schema.Count("maxLength", int.MaxValue);
        string? pattern = null;
        if (schema.TryGet("pattern", out Keyword keyword))
        {
            pattern = keyword.Value.ValueKind == JsonValueKind.String ? keyword.Value.GetString()! : throw Schema.Invalid(keyword.Pointer, "must be a string");
        }
        else if (schema.TryGet("format", out keyword) && keyword.Value.ValueKind == JsonValueKind.String)
        {
            pattern = SchemaFormats.PatternOf(keyword.Value.GetString()!);
        }

        if (pattern is null)
        {
            return minimum == 0 && maximum == int.MaxValue ? JsonNodes.AnyString : JsonNodes.String(new CountRule(minimum, maximum));
        }

        string key = $"{minimum} {maximum} {pattern}";
        if (!_shared.TryGetValue(key, out Grammar? grammar))
        {
            try
            {
                grammar = JsonNodes.String(PatternRule.Create(pattern, minimum, maximum));
            }
            catch (PatternException exception)
            {
                throw new ArgumentException(
                    $"The JSON schema's pattern at '{keyword.Pointer}', \"{pattern}\", is not supported: {exception.Message}.", exception);
            }

            _shared.Add(key, grammar);
        }

        return grammar;
    }

    private static NumberNode CompileNumber(Schema schema)
    {
        bool isInteger = (SchemaKinds.Of(schema) & JsonKinds.Fraction) == 0;
        if (schema.TryGet("multipleOf", out Keyword multiple))
        {
            isInteger = multiple.Value.ValueKind == JsonValueKind.Number && multiple.Value.GetDouble() == 1
                ? true
                : throw Schema.Unsupported("multipleOf", multiple.Pointer);
        }

        Int128? least = Max(Bound("minimum", true, 0), Bound("exclusiveMinimum", false, 1));
        Int128? most = Min(Bound("maximum", false, 0), Bound("exclusiveMaximum", true, -1));
        return new NumberNode(new NumberBounds(isInteger, least, most));

        // Exclusive: the unit behind the last that is too small, or before the first that is too large.
        Int128? Bound(string name, bool up, int step)
        {
            if (!schema.TryGet(name, out Keyword keyword))
            {
                return null;
            }

            return keyword.Value.ValueKind == JsonValueKind.Number
                ? NumberBounds.Scale(keyword.Value.GetRawText(), up) + step
                : throw Schema.Invalid(keyword.Pointer, "must be a number");
        }
    }

    private static Int128? Max(Int128? left, Int128? right) => left is null ? right : right is null ? left : Int128.Max(left.Value, right.Value);

    private static Int128? Min(Int128? left, Int128? right) => left is null ? right : right is null ? left : Int128.Min(left.Value, right.Value);

    private static string PointerOf(Keyword reference) =>
        reference.Value.ValueKind == JsonValueKind.String ? reference.Value.GetString()! : throw Schema.Invalid(reference.Pointer, "must be a string");

    private JsonElement Resolve(Keyword reference)
    {
        string pointer = PointerOf(reference);
        if (pointer != "#" && !pointer.StartsWith("#/", StringComparison.Ordinal))
        {
            throw Schema.Unsupported("$ref", reference.Pointer, $"to '{pointer}': only '#' and '#/...', inside the schema, are");
        }

        JsonElement element = _root;
        foreach (string part in Uri.UnescapeDataString(pointer).Split('/').Skip(1))
        {
            string name = part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            JsonElement next = default;
            bool isFound = element.ValueKind switch
            {
                JsonValueKind.Object => element.TryGetProperty(name, out next),
                JsonValueKind.Array => int.TryParse(name, out int index) && index >= 0 && index < element.GetArrayLength() && (next = element[index]) is var _,
                _ => false,
            };
            element = isFound ? next : throw Schema.Invalid(reference.Pointer, $"refers to '{pointer}', which is not there");
        }

        return element;
    }

    private static IEnumerable<(JsonElement Value, string Pointer)> Items(Keyword keyword) =>
        keyword.Value.ValueKind == JsonValueKind.Array
            ? keyword.Value.EnumerateArray().Select((item, index) => (item, $"{keyword.Pointer}/{index}"))
            : throw Schema.Invalid(keyword.Pointer, "must be an array");
}
