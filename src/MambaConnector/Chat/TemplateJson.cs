using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace MambaConnector.Chat;

/// <summary>JSON as the filter <c>tojson</c> prints it in chat templates (Python's <c>json.dumps</c> with <c>ensure_ascii=False</c>): on
/// one line, a space after each comma and colon, nothing escaped that need not be. Numbers stay as they are written.</summary>
internal static class TemplateJson
{
    /// <summary>Prints any value. One that is missing (<see cref="JsonValueKind.Undefined"/>) is an empty object.</summary>
    public static string Format(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Undefined)
        {
            return "{}";
        }

        // Over the raw text: no recursion, so that depth is no danger, and names with broken escapes can be passed on.
        Utf8JsonReader reader = new(
            JsonMarshal.GetRawUtf8Value(element),
            new JsonReaderOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip, MaxDepth = int.MaxValue });
        StringBuilder text = new();
        bool needsComma = false;
        while (reader.Read())
        {
            text.Append(needsComma && reader.TokenType is not (JsonTokenType.EndObject or JsonTokenType.EndArray) ? ", " : "");
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
            {
                AppendString(text, ref reader);
            }
            else
            {
                text.Append(Encoding.UTF8.GetString(reader.ValueSpan));
            }

            text.Append(reader.TokenType == JsonTokenType.PropertyName ? ": " : "");
            needsComma = reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray or JsonTokenType.PropertyName);
        }

        return text.ToString();
    }

    /// <summary>A text as a JSON string, with its quotes.</summary>
    public static string Quote(string value)
    {
        StringBuilder text = new(value.Length + 2);
        AppendQuoted(text, value);
        return text.ToString();
    }

    private static void AppendString(StringBuilder text, ref Utf8JsonReader reader)
    {
        string value;
        try
        {
            value = reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // An escape of half a character: it stays an escape.
            text.Append('"').Append(Encoding.UTF8.GetString(reader.ValueSpan)).Append('"');
            return;
        }

        AppendQuoted(text, value);
    }

    private static void AppendQuoted(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (char character in value)
        {
            _ = character switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                '\b' => text.Append("\\b"),
                '\f' => text.Append("\\f"),
                < ' ' => text.Append($"\\u{(int)character:x4}"),
                _ => text.Append(character),
            };
        }

        text.Append('"');
    }
}
