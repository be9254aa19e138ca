namespace MambaConnector.Chat;

/// <summary>ChatML, as OpenAI's models began it and many follow it. Any role is taken as it is.</summary>
/// <param name="beginsSequence">Whether the template prints <c>bos_token</c> first.</param>
internal sealed class ChatMlTemplate(bool beginsSequence) : ChatTemplate
{
    private const string Start = "<|im_start|>";
    private const string Stop = "<|im_end|>";

    /// <inheritdoc/>
    public override string Name => "ChatML";

    /// <inheritdoc/>
    internal override string EndOfReply => Stop;

    /// <inheritdoc/>
    private protected override void WriteBegin(PromptBuilder prompt, TemplateInput input)
    {
        if (beginsSequence)
        {
            prompt.Begin();
        }
    }

    /// <inheritdoc/>
    private protected override void WriteTurn(PromptBuilder prompt, TemplateInput input, int index)
    {
        ChatTurn turn = input.Turns[index];
        if (turn.Role == ChatRoles.Assistant)
        {
            WriteOpenReply(prompt, turn);
        }
        else
        {
            prompt.Control(Start).Text(turn.Role + "\n").Text(turn.Content);
        }

        WriteReplyEnd(prompt);
    }

    /// <inheritdoc/>
    private protected override void WriteReplyEnd(PromptBuilder prompt) => prompt.Control(Stop).Text("\n");

    /// <inheritdoc/>
    private protected override void WriteGenerationPrompt(PromptBuilder prompt) => prompt.Control(Start).Text("assistant\n");
}
