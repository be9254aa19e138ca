using System.Text.Json;
using MambaConnector.Constraints;

namespace MambaConnector.Chat;

/// <summary><c>[TOOL_CALLS] [{"name": ..., "arguments": ..., "id": "nine letters and digits"}, ...]</c>. Models may leave out the
/// ids.</summary>
internal sealed class MistralCallFormat : ToolCallFormat
{
    public const string Start = "[TOOL_CALLS]";

    private static readonly Grammar Id = Grammar.Json(
        JsonElement.Parse($$"""{"type":"string","pattern":"^[a-zA-Z0-9]{{{MistralCallId.Length}}}$"}"""));

    private MistralCallFormat()
    {
    }

    public static MistralCallFormat Instance { get; } = new();

    public override string Trigger => Start;

    public override string Separator => "";

    public override char Opening => '[';

    public override string Closing => "";

    public override string CreateCallId() => MistralCallId.Create();

    public override bool TryRead(JsonElement json, List<ToolCall> calls)
    {
        foreach (JsonElement call in json.EnumerateArray())
        {
            string? id = call.ValueKind == JsonValueKind.Object && call.TryGetProperty("id", out JsonElement given) &&
                given.ValueKind == JsonValueKind.String ? given.GetString() : null;
            if (!TryReadCall(call, id, calls))
            {
                return false;
            }
        }

        return json.GetArrayLength() > 0;
    }

    private protected override Grammar CallsAfterTrigger(MambaTokenizer tokenizer, IReadOnlyList<ToolDeclaration> tools, int maximum)
    {
        Grammar call = Grammar.Sequence(
            OpenCall(tools),
            Grammar.Choice(Grammar.Literal("}"), Grammar.Sequence(Grammar.Literal(", \"id\": "), Id, Grammar.Literal("}"))));
        Grammar others = Grammar.Repeat(Grammar.Sequence(Grammar.Literal(", "), call), 0, maximum - 1);
        return maximum == 1
            ? Grammar.Sequence(Grammar.Literal(" ["), call, Grammar.Literal("]"))
            : Grammar.Sequence(Grammar.Literal(" ["), call, others, Grammar.Literal("]"));
    }
}
