using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.AI;

namespace MambaConnector.Telemetry;

/// <summary>Messages as the semantic conventions write them (<c>gen_ai.input.messages</c>, <c>gen_ai.output.messages</c>): made when the
/// text is asked for, so that a log level which is off costs nothing.</summary>
internal sealed class MessageText(IEnumerable<ChatMessage> messages, ChatFinishReason? reason)
{
    // Telemetry is not put into HTML.
    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Instructions as <c>gen_ai.system_instructions</c> has them.</summary>
    public static string OfInstructions(string instructions) => Write(writer => WritePart(writer, new TextContent(instructions)));

    public override string ToString() => Write(writer =>
    {
        foreach (ChatMessage message in messages)
        {
            WriteMessage(writer, message);
        }
    });

    private static string Write(Action<Utf8JsonWriter> elements)
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer, WriterOptions))
        {
            writer.WriteStartArray();
            elements(writer);
            writer.WriteEndArray();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private void WriteMessage(Utf8JsonWriter writer, ChatMessage message)
    {
        writer.WriteStartObject();
        writer.WriteString("role", message.Role.Value);
        writer.WriteStartArray("parts");
        foreach (AIContent content in message.Contents)
        {
            WritePart(writer, content);
        }

        writer.WriteEndArray();
        if (reason is ChatFinishReason finish)
        {
            // The conventions name a reason of one call where ChatFinishReason speaks of calls.
            writer.WriteString("finish_reason", finish == ChatFinishReason.ToolCalls ? "tool_call" : finish.Value);
        }

        writer.WriteEndObject();
    }

    private static void WritePart(Utf8JsonWriter writer, AIContent content)
    {
        writer.WriteStartObject();
        switch (content)
        {
            case TextContent text:
                writer.WriteString("type", "text");
                writer.WriteString("content", text.Text);
                break;
            case TextReasoningContent reasoning:
                writer.WriteString("type", "reasoning");
                writer.WriteString("content", reasoning.Text);
                break;
            case FunctionCallContent call:
                writer.WriteString("type", "tool_call");
                writer.WriteString("id", call.CallId);
                writer.WriteString("name", call.Name);
                WriteValue(writer, "arguments", call.Arguments);
                break;
            case FunctionResultContent result:
                writer.WriteString("type", "tool_call_response");
                writer.WriteString("id", result.CallId);
                WriteValue(writer, "response", result.Result);
                break;
            default:
                writer.WriteString("type", content.GetType().Name);
                break;
        }

        writer.WriteEndObject();
    }

    private static void WriteValue(Utf8JsonWriter writer, string name, object? value)
    {
        writer.WritePropertyName(name);
        string json;
        try
        {
            json = JsonSerializer.Serialize(value, AIJsonUtilities.DefaultOptions.GetTypeInfo(typeof(object)));
        }
        catch (Exception exception) when (exception is NotSupportedException or JsonException)
        {
            // A value of the application that has no JSON: telemetry must not end the request that it describes.
            writer.WriteStringValue(value?.ToString());
            return;
        }

        writer.WriteRawValue(json);
    }
}
