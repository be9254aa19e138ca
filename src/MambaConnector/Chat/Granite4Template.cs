namespace MambaConnector.Chat;

/// <summary>Granite 4.0 without tools and documents: <c>&lt;|start_of_role|&gt;role&lt;|end_of_role|&gt;content&lt;|end_of_text|&gt;\n</c>.</summary>
internal sealed class Granite4Template : ChatTemplate
{
    /// <summary>What the template says where the conversation has no system turn.</summary>
    public const string DefaultSystemMessage = "You are a helpful assistant. Please ensure responses are professional, accurate, and safe.";

    private const string StartOfRole = "<|start_of_role|>";
    private const string EndOfRole = "<|end_of_role|>";
    private const string EndOfText = "<|end_of_text|>";

    /// <inheritdoc/>
    public override string Name => "Granite 4.0";

    /// <inheritdoc/>
    internal override string EndOfReply => EndOfText;

    /// <inheritdoc/>
    private protected override void WriteBegin(PromptBuilder prompt, TemplateInput input) =>
        Write(prompt, ChatRoles.System, input.Turns is [{ Role: ChatRoles.System, Content.Length: > 0 } system, ..] ? system.Content : DefaultSystemMessage);

    /// <inheritdoc/>
    private protected override void WriteTurn(PromptBuilder prompt, TemplateInput input, int index)
    {
        ChatTurn turn = input.Turns[index];
        switch (turn.Role)
        {
            case ChatRoles.System when index == 0 && !input.IsContinuation:
                break; // WriteBegin wrote it.
            case ChatRoles.System or ChatRoles.User:
                Write(prompt, turn.Role, turn.Content);
                break;
            case ChatRoles.Assistant:
                WriteOpenReply(prompt, turn);
                WriteReplyEnd(prompt);
                break;
            default:
                throw UnknownRole(turn.Role);
        }
    }

    /// <inheritdoc/>
    private protected override void WriteReplyEnd(PromptBuilder prompt) => prompt.Control(EndOfText).Text("\n");

    /// <inheritdoc/>
    private protected override void WriteGenerationPrompt(PromptBuilder prompt) =>
        prompt.Control(StartOfRole).Text(ChatRoles.Assistant).Control(EndOfRole);

    private void Write(PromptBuilder prompt, string role, string content)
    {
        prompt.Control(StartOfRole).Text(role).Control(EndOfRole).Text(content);
        WriteReplyEnd(prompt);
    }
}
