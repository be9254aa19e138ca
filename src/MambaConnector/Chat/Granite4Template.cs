namespace MambaConnector.Chat;

/// <summary>Granite 4.0 without documents: <c>&lt;|start_of_role|&gt;role&lt;|end_of_role|&gt;content&lt;|end_of_text|&gt;\n</c>.</summary>
internal sealed class Granite4Template : ChatTemplate
{
    /// <summary>What the template says where the conversation has no system turn.</summary>
    public const string DefaultSystemMessage = "You are a helpful assistant. Please ensure responses are professional, accurate, and safe.";

    private const string StartOfRole = "<|start_of_role|>";
    private const string EndOfRole = "<|end_of_role|>";
    private const string EndOfText = "<|end_of_text|>";

    private const string ToolsHead =
        "You are a helpful assistant with access to the following tools. You may call one or more tools to assist with the user " +
        "query.\n\n" +
        "You are provided with function signatures within <tools></tools> XML tags:\n<tools>";

    private const string ToolsTail =
        "\n</tools>\n\nFor each tool call, return a json object with function name and arguments within <tool_call></tool_call> XML " +
        "tags:\n" +
        "<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>. If a tool does not exist in the " +
        "provided list of tools, notify the user that you do not have the ability to fulfill the request.";

    /// <inheritdoc/>
    public override string Name => "Granite 4.0";

    /// <inheritdoc/>
    internal override string EndOfReply => EndOfText;

    /// <inheritdoc/>
    internal override IReadOnlyList<string> ControlTokens { get; } = [StartOfRole, EndOfRole, EndOfText, .. HermesTools.Controls];

    /// <inheritdoc/>
    internal override ToolCallFormat ToolCalls => HermesCallFormat.Instance;

    /// <inheritdoc/>
    private protected override void WriteBegin(PromptBuilder prompt)
    {
    }

    /// <inheritdoc/>
    private protected override void WriteInstructions(PromptBuilder prompt, TemplateInput input)
    {
        if (input.Tools.Count > 0)
        {
            Open(prompt, ChatRoles.System).Text(input.System is null ? "" : input.System + "\n\n");
            HermesTools.WriteDeclarations(prompt, ToolsHead, input.Tools, ToolsTail);
            WriteReplyEnd(prompt);
        }
        else if (!input.IsContinuation)
        {
            Open(prompt, ChatRoles.System).Text(string.IsNullOrEmpty(input.System) ? DefaultSystemMessage : input.System);
            WriteReplyEnd(prompt);
        }
        else if (input.System is not null)
        {
            Open(prompt, ChatRoles.System).Text(input.System);
            WriteReplyEnd(prompt);
        }
    }

    /// <inheritdoc/>
    private protected override void WriteTurn(PromptBuilder prompt, TemplateInput input, int index)
    {
        ChatTurn turn = input.Turns[index];
        switch (turn.Role)
        {
            case ChatRoles.System or ChatRoles.User:
                Open(prompt, turn.Role).Text(turn.Content);
                break;
            case ChatRoles.Assistant:
                WriteOpenReply(prompt, turn);
                break;
            case ChatRoles.Tool:
                if (input.IsFirstResult(index))
                {
                    Open(prompt, ChatRoles.User);
                }

                HermesTools.WriteResult(prompt.Text("\n"), turn.Content);
                break;
            default:
                throw UnknownRole(turn.Role);
        }

        if (!input.IsResultBeforeAnother(index))
        {
            WriteReplyEnd(prompt);
        }
    }

    /// <inheritdoc/>
    private protected override void WriteReply(PromptBuilder prompt, ChatTurn reply) => HermesTools.WriteReply(prompt, reply);

    /// <inheritdoc/>
    private protected override void WriteReplyEnd(PromptBuilder prompt) => prompt.Control(EndOfText).Text("\n");

    /// <inheritdoc/>
    private protected override void WriteGenerationPrompt(PromptBuilder prompt) => Open(prompt, ChatRoles.Assistant);

    private static PromptBuilder Open(PromptBuilder prompt, string role) => prompt.Control(StartOfRole).Text(role).Control(EndOfRole);
}
