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

    /// <summary>Joins neighbours of one role: the template takes user and assistant by turns only, and system instructions with the user's last
    /// turn.</summary>
    private protected override IReadOnlyList<ChatTurn> Arrange(IReadOnlyList<ChatTurn> turns)
    {
        List<ChatTurn> arranged = [];
        foreach (ChatTurn turn in turns)
        {
            if (arranged.Count > 0 && arranged[^1].Role == turn.Role)
            {
                arranged[^1] = new ChatTurn(turn.Role, arranged[^1].Content + "\n\n" + turn.Content);
            }
            else
            {
                arranged.Add(turn);
            }
        }

        return arranged is [] or [.., { Role: ChatRoles.User }] ? arranged : throw UnknownRole(arranged[^1].Role);
    }

    /// <inheritdoc/>
    private protected override void WriteBegin(PromptBuilder prompt, TemplateInput input) => prompt.Begin();

    /// <inheritdoc/>
    private protected override void WriteTurn(PromptBuilder prompt, TemplateInput input, int index)
    {
        ChatTurn turn = input.Turns[index];
        string? system = input.Turns[0].Role == ChatRoles.System ? input.Turns[0].Content : null;
        int position = system is null ? index : index - 1;
        string expected = position < 0 ? ChatRoles.System : position % 2 == 0 ? ChatRoles.User : ChatRoles.Assistant;
        if (turn.Role != expected)
        {
            throw UnknownRole(turn.Role);
        }

        if (turn.Role == ChatRoles.User)
        {
            string head = system is not null && index == input.Turns.Count - 1 ? system + "\n\n" : "";
            prompt.Control("[INST]").Text(" " + head).Text(turn.Content).Control("[/INST]");
        }
        else if (turn.Role == ChatRoles.Assistant)
        {
            WriteOpenReply(prompt, turn);
            WriteReplyEnd(prompt);
        }
    }

    /// <inheritdoc/>
    private protected override void WriteReply(PromptBuilder prompt, ChatTurn reply) =>
        prompt.Text(" ").Text(trimsReplies ? reply.Content.Trim() : reply.Content);

    /// <inheritdoc/>
    private protected override void WriteReplyEnd(PromptBuilder prompt) => prompt.End();

    /// <summary>A reply follows the user's turn directly.</summary>
    private protected override void WriteGenerationPrompt(PromptBuilder prompt)
    {
    }
}
