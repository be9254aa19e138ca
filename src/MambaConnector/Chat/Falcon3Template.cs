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
    internal override IReadOnlyList<string> ControlTokens { get; } = ["<|system|>", "<|user|>", "<|assistant|>"];

    /// <inheritdoc/>
    private protected override void WriteBegin(PromptBuilder prompt)
    {
    }

    /// <inheritdoc/>
    private protected override void WriteInstructions(PromptBuilder prompt, TemplateInput input)
    {
        if (input.System is not null)
        {
            Write(prompt, ChatRoles.System, input.System);
        }
    }

    /// <inheritdoc/>
    private protected override void WriteTurn(PromptBuilder prompt, TemplateInput input, int index)
    {
        ChatTurn turn = input.Turns[index];
        switch (turn.Role)
        {
            case ChatRoles.System or ChatRoles.User:
                Write(prompt, turn.Role, turn.Content);
                break;
            case ChatRoles.Assistant when index < input.Turns.Count - 1:
                WriteOpenReply(prompt, turn);
                WriteReplyEnd(prompt);
                break;
            case ChatRoles.Assistant:
                WriteOpenReply(prompt, turn);
                prompt.End();
                break;
            default:
                throw UnknownRole(turn.Role);
        }
    }

    /// <inheritdoc/>
    private protected override void WriteReplyEnd(PromptBuilder prompt) => prompt.End().Text("\n");

    /// <inheritdoc/>
    private protected override void WriteGenerationPrompt(PromptBuilder prompt) => prompt.Control("<|assistant|>").Text("\n");

    private static void Write(PromptBuilder prompt, string role, string content) =>
        prompt.Control($"<|{role}|>").Text("\n").Text(content).Text("\n");
}
