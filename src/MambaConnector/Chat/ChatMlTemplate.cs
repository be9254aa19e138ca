namespace MambaConnector.Chat;

/// <summary>ChatML, as OpenAI's models began it and many follow it. Any role is taken as it is; tools are declared and answered as in
/// Qwen 2.5.</summary>
/// <param name="beginsSequence">Whether the template prints <c>bos_token</c> first.</param>
internal sealed class ChatMlTemplate(bool beginsSequence) : ChatTemplate
{
    private const string Start = "<|im_start|>";
    private const string Stop = "<|im_end|>";

    private const string ToolsHead =
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n" +
        "You are provided with function signatures within <tools></tools> XML tags:\n<tools>";

    private const string ToolsTail =
        "\n</tools>\n\nFor each function call, return a json object with function name and arguments within <tool_call></tool_call> XML " +
        "tags:\n" +
        "<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>";

    /// <inheritdoc/>
    public override string Name => "ChatML";

    /// <inheritdoc/>
    internal override string EndOfReply => Stop;

    /// <inheritdoc/>
    internal override IReadOnlyList<string> ControlTokens { get; } = [Start, Stop, .. HermesTools.Controls];

    /// <inheritdoc/>
    internal override ToolCallFormat ToolCalls => HermesCallFormat.Instance;

    /// <inheritdoc/>
    private protected override void WriteBegin(PromptBuilder prompt)
    {
        if (beginsSequence)
        {
            prompt.Begin();
        }
    }

    /// <inheritdoc/>
    private protected override void WriteInstructions(PromptBuilder prompt, TemplateInput input)
    {
        if (input.System is null && input.Tools.Count == 0)
        {
            return;
        }

        Open(prompt, ChatRoles.System).Text(input.System ?? "");
        if (input.Tools.Count > 0)
        {
            prompt.Text(input.System is null ? "" : "\n\n");
            HermesTools.WriteDeclarations(prompt, ToolsHead, input.Tools, ToolsTail);
        }

        WriteReplyEnd(prompt);
    }

    /// <inheritdoc/>
    private protected override void WriteTurn(PromptBuilder prompt, TemplateInput input, int index)
    {
        ChatTurn turn = input.Turns[index];
        switch (turn.Role)
        {
            case ChatRoles.Assistant:
                WriteOpenReply(prompt, turn);
                break;
            case ChatRoles.Tool:
                if (input.IsFirstResult(index))
                {
                    Open(prompt, ChatRoles.User);
                }
                else
                {
                    prompt.Text("\n");
                }

                HermesTools.WriteResult(prompt, turn.Content);
                break;
            default:
                Open(prompt, turn.Role).Text(turn.Content);
                break;
        }

        if (!input.IsResultBeforeAnother(index))
        {
            WriteReplyEnd(prompt);
        }
    }

    /// <inheritdoc/>
    private protected override void WriteReply(PromptBuilder prompt, ChatTurn reply) => HermesTools.WriteReply(prompt, reply);

    /// <inheritdoc/>
    private protected override void WriteReplyEnd(PromptBuilder prompt) => prompt.Control(Stop).Text("\n");

    /// <inheritdoc/>
    private protected override void WriteGenerationPrompt(PromptBuilder prompt) => Open(prompt, ChatRoles.Assistant);

    private static PromptBuilder Open(PromptBuilder prompt, string role) => prompt.Control(Start).Text(role + "\n");
}
