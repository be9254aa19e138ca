namespace MambaConnector.Chat;

/// <summary>Mistral's third template: <c>&lt;s&gt;[INST] user[/INST] assistant&lt;/s&gt;</c>. The system message stands at the head of the last
/// user turn, as the original puts it; a continuation leaves it where it was rendered first.</summary>
/// <param name="trimsReplies">Whether the original trims the assistant's turns.</param>
internal sealed class MistralV3Template(bool trimsReplies) : ChatTemplate
{
    /// <inheritdoc/>
    public override string Name => "Mistral v3";

    /// <inheritdoc/>
    internal override string? EndOfReply => null;

    /// <inheritdoc/>
    private protected override void WriteBegin(PromptBuilder prompt, IReadOnlyList<ChatTurn> turns) => prompt.Begin();

    /// <inheritdoc/>
    private protected override void WriteTurn(PromptBuilder prompt, IReadOnlyList<ChatTurn> turns, int index)
    {
        (string role, string content) = turns[index];
        string? system = turns[0].Role == ChatRoles.System ? turns[0].Content : null;
        int turn = system is null ? index : index - 1;
        string expected = turn < 0 ? ChatRoles.System : turn % 2 == 0 ? ChatRoles.User : ChatRoles.Assistant;
        if (role != expected)
        {
            throw UnknownRole(Name, role);
        }

        if (role == ChatRoles.User)
        {
            string head = system is not null && index == turns.Count - 1 ? system + "\n\n" : "";
            prompt.Control("[INST]").Text(" " + head).Text(content).Control("[/INST]");
        }
        else if (role == ChatRoles.Assistant)
        {
            prompt.Text(" ").Text(trimsReplies ? content.Trim() : content);
            WriteReplyEnd(prompt);
        }
    }

    /// <inheritdoc/>
    private protected override void WriteReplyEnd(PromptBuilder prompt) => prompt.End();

    /// <summary>A reply follows the user's turn directly.</summary>
    private protected override void WriteGenerationPrompt(PromptBuilder prompt)
    {
    }
}
