using System.Text;
using System.Text.Json;

namespace MambaConnector.Constraints;

/// <summary>The one way in which keys and listed values are spelled: no white space, and no escapes but those that JSON needs.</summary>
internal static class CanonicalJson
{
    /// <summary>A value; numbers as they were written.</summary>
    public static string Write(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => $"{{{string.Join(',', value.EnumerateObject().Select(member => $"{Write(member.Name)}:{Write(member.Value)}"))}}}",
        JsonValueKind.Array => $"[{string.Join(',', value.EnumerateArray().Select(Write))}]",
        JsonValueKind.String => Write(value.GetString()!),
        _ => value.GetRawText(),
    };

    /// <summary>A string.</summary>
    public static string Write(string text)
    {
        StringBuilder output = new("\"");
        foreach (char character in text)
        {
            _ = character switch
            {
                '"' or '\\' => output.Append('\\').Append(character),
                '\n' => output.Append("\\n"),
                '\r' => output.Append("\\r"),
                '\t' => output.Append("\\t"),
                '\b' => output.Append("\\b"),
                '\f' => output.Append("\\f"),
                < ' ' => output.Append($"\\u{(int)character:x4}"),
                _ => output.Append(character),
            };
        }

        return output.Append('"').ToString();
    }
}
