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
    private protected override void WriteBegin(PromptBuilder prompt, IReadOnlyList<ChatTurn> turns)
    {
        string message = turns is [{ Role: ChatRoles.System, Content.Length: > 0 }, ..] ? turns[0].Content : DefaultSystemMessage;
        Write(prompt, ChatRoles.System, message);
    }

    /// <inheritdoc/>
    private protected override void WriteTurn(PromptBuilder prompt, IReadOnlyList<ChatTurn> turns, int index)
    {
        (string role, string content) = turns[index];
        if (role is not (ChatRoles.System or ChatRoles.User or ChatRoles.Assistant))
        {
            throw UnknownRole(Name, role);
        }

        if (index > 0 || role != ChatRoles.System)
        {
            Write(prompt, role, content);
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
