namespace MambaConnector.Chat;

/// <summary>Falcon3: <c>&lt;|system|&gt;\n...\n&lt;|user|&gt;\n...\n&lt;|assistant|&gt;\n...</c>, where only the assistant's turns end with the end
/// token, and the last turn of a conversation has no line end after it.</summary>
internal sealed class Falcon3Template : ChatTemplate
{
    /// <inheritdoc/>
    public override string Name => "Falcon3";

    /// <inheritdoc/>
    internal override string? EndOfReply => null;

    /// <inheritdoc/>
    private protected override void WriteBegin(PromptBuilder prompt, IReadOnlyList<ChatTurn> turns)
    {
    }

    /// <inheritdoc/>
    private protected override void WriteTurn(PromptBuilder prompt, IReadOnlyList<ChatTurn> turns, int index)
    {
        (string role, string content) = turns[index];
        if (role is not (ChatRoles.System or ChatRoles.User or ChatRoles.Assistant))
        {
            throw UnknownRole(Name, role);
        }

        prompt.Control($"<|{role}|>").Text("\n").Text(content);
        if (role != ChatRoles.Assistant)
        {
            prompt.Text("\n");
        }
        else if (index < turns.Count - 1)
        {
            WriteReplyEnd(prompt);
        }
        else
        {
            prompt.End();
        }
    }

    /// <inheritdoc/>
    private protected override void WriteReplyEnd(PromptBuilder prompt) => prompt.End().Text("\n");

    /// <inheritdoc/>
    private protected override void WriteGenerationPrompt(PromptBuilder prompt) => prompt.Control("<|assistant|>").Text("\n");
}
