using System.Text.Json;

namespace MambaConnector.Tokenization;

/// <summary>A part of a JSON file that knows where it stands, so that every error names the place.</summary>
internal readonly struct JsonPart(JsonElement element, string path)
{
    /// <summary>Where it stands, for example <c>tokenizer.json: model.merges</c>.</summary>
    public string Path => path;

    /// <summary>Whether it is absent or null.</summary>
    public bool IsNull => element.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;

    /// <summary>What kind of value it is.</summary>
    public JsonValueKind Kind => element.ValueKind;

    /// <summary>A member; <see cref="IsNull"/> if it is absent.</summary>
    public JsonPart this[string name]
    {
        get
        {
            var place = path.EndsWith(':') ? $"{path} {name}" : $"{path}.{name}";
            if (IsNull)
            {
                return new JsonPart(default, place);
            }

            Expect(JsonValueKind.Object, "an object");
            return new JsonPart(element.TryGetProperty(name, out var member) ? member : default, place);
        }
    }

    /// <summary>The text.</summary>
    public string Text()
    {
        Expect(JsonValueKind.String, "a text");
        var value = element;
        return Unescape(() => value.GetString()!);
    }

    /// <summary>The text, or a default if it is absent.</summary>
    public string? TextOr(string? fallback) => IsNull ? fallback : Text();

    /// <summary>The truth value, or a default if it is absent.</summary>
    public bool BooleanOr(bool fallback) => element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ when IsNull => fallback,
        _ => throw Bad("is not true or false"),
    };

    /// <summary>The whole number.</summary>
    public int Int32() =>
        element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out var value) ? value
            : throw Bad("is not a whole number of 32 bits");

    /// <summary>The elements of an array; none if it is absent.</summary>
    public IEnumerable<JsonPart> Items()
    {
        if (IsNull)
        {
            yield break;
        }

        Expect(JsonValueKind.Array, "an array");
        var index = 0;
        foreach (var item in element.EnumerateArray())
        {
            yield return new JsonPart(item, $"{path}[{index++}]");
        }
    }

    /// <summary>The members of an object.</summary>
    public IEnumerable<(string Name, JsonPart Value)> Members()
    {
        Expect(JsonValueKind.Object, "an object");
        foreach (var member in element.EnumerateObject())
        {
            yield return (Unescape(() => member.Name), new JsonPart(member.Value, path));
        }
    }

    /// <summary>An error about this part.</summary>
    public InvalidDataException Bad(string what) => new($"{path} {what}.");

    /// <summary>An error about something well-formed that is not supported.</summary>
    public InvalidDataException Unsupported(string what, string supported) =>
        new($"{path} {what}, which is not supported (supported: {supported}).");

    private string Unescape(Func<string> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException) // an escape that is half a surrogate pair
        {
            throw Bad("holds text that is not valid Unicode");
        }
    }

    private void Expect(JsonValueKind kind, string name)
    {
        if (element.ValueKind != kind)
        {
            throw Bad(IsNull ? $"is missing ({name} was expected)" : $"is not {name}");
        }
    }
}
