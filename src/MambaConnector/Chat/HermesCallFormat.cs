using System.Text.Json;
using MambaConnector.Constraints;

namespace MambaConnector.Chat;

/// <summary><c>&lt;tool_call&gt;\n{"name": ..., "arguments": ...}\n&lt;/tool_call&gt;</c>, once for each call, a line end between
/// them.</summary>
internal sealed class HermesCallFormat : ToolCallFormat
{
    public const string Start = "<tool_call>";
    public const string End = "</tool_call>";

    private HermesCallFormat()
    {
    }

    public static HermesCallFormat Instance { get; } = new();

    public override string Trigger => Start;

    public override string Separator => "\n";

    public override char Opening => '{';

    public override string Closing => End;

    public override string CreateCallId() => $"call_{Guid.NewGuid():N}";

    public override bool TryRead(JsonElement json, List<ToolCall> calls) => TryReadCall(json, null, calls);

    private protected override Grammar CallsAfterTrigger(MambaTokenizer tokenizer, IReadOnlyList<ToolDeclaration> tools, int maximum)
    {
        Grammar call = Grammar.Sequence(Grammar.Literal("\n"), OpenCall(tools), Grammar.Literal("}\n"), Marker(tokenizer, End));
        return maximum == 1
            ? call
            : Grammar.Sequence(
                call, Grammar.Repeat(Grammar.Sequence(Grammar.Literal(Separator), Marker(tokenizer, Start), call), 0, maximum - 1));
    }
}
