using System.Text.Json;

namespace MambaConnector.Chat;

/// <summary>Mistral's third template: <c>&lt;s&gt;[INST] user[/INST] assistant&lt;/s&gt;</c>. Instructions and tools stand with the last
/// user turn, as the original puts them; a continuation leaves them where they were rendered first.</summary>
/// <remarks>Where the Jinja text and Mistral's own encoder (mistral-common) disagree about tools, it is as in the encoder: strings in
/// declarations and results are escaped, and instructions stay while a tool's result is answered.</remarks>
/// <param name="trimsReplies">Whether the original trims the assistant's turns.</param>
internal sealed class MistralV3Template(bool trimsReplies) : ChatTemplate
{
    private const string Instruction = "[INST]";
    private const string EndOfInstruction = "[/INST]";
    private const string Tools = "[AVAILABLE_TOOLS]";
    private const string EndOfTools = "[/AVAILABLE_TOOLS]";
    private const string Results = "[TOOL_RESULTS]";
    private const string EndOfResults = "[/TOOL_RESULTS]";

    /// <inheritdoc/>
    public override string Name => "Mistral v3";

    /// <inheritdoc/>
    internal override string? EndOfReply => null;

    /// <inheritdoc/>
    internal override IReadOnlyList<string> ControlTokens { get; } =
        [Instruction, EndOfInstruction, Tools, EndOfTools, Results, EndOfResults, MistralCallFormat.Start];

    /// <inheritdoc/>
    internal override ToolCallFormat ToolCalls => MistralCallFormat.Instance;

    /// <summary>Joins neighbours of one role: the template takes user and assistant by turns only, and instructions with the user's last
    /// turn.</summary>
    private protected override IReadOnlyList<ChatTurn> Arrange(IReadOnlyList<ChatTurn> turns)
    {
        List<ChatTurn> arranged = [];
        foreach (ChatTurn turn in turns)
        {
            if (arranged.Count > 0 && arranged[^1].Role == turn.Role && turn.Role != ChatRoles.Tool)
            {
                arranged[^1] = arranged[^1] with
                {
                    Content = Join(arranged[^1].Content, turn.Content),
                    ToolCalls = [.. arranged[^1].ToolCalls, .. turn.ToolCalls],
                };
            }
            else
            {
                arranged.Add(turn);
            }
        }

        return arranged is [] or [.., { Role: ChatRoles.User or ChatRoles.Tool }] ? arranged : throw UnknownRole(arranged[^1].Role);
    }

    /// <inheritdoc/>
    private protected override void WriteBegin(PromptBuilder prompt) => prompt.Begin();

    /// <inheritdoc/>
    private protected override void WriteInstructions(PromptBuilder prompt, TemplateInput input)
    {
        bool usersTurn = true;
        foreach (ChatTurn turn in input.Turns.Where(turn => turn.Role != ChatRoles.Tool && turn.ToolCalls.Count == 0))
        {
            if (turn.Role != (usersTurn ? ChatRoles.User : ChatRoles.Assistant))
            {
                throw UnknownRole(turn.Role);
            }

            usersTurn = !usersTurn;
        }

        if (input.Tools.Count > 0 && LastUserTurn(input) < 0)
        {
            WriteTools(prompt, input.Tools);
        }
    }

    /// <inheritdoc/>
    private protected override void WriteTurn(PromptBuilder prompt, TemplateInput input, int index)
    {
        ChatTurn turn = input.Turns[index];
        if (turn.Role == ChatRoles.Assistant)
        {
            WriteOpenReply(prompt, turn);
            WriteReplyEnd(prompt);
        }
        else if (turn.Role == ChatRoles.Tool)
        {
            string id = MistralCallId.From(turn.ToolCallId);
            prompt.Control(Results).Text($" {{\"content\": {JsonOf(turn.Content)}, \"call_id\": \"{id}\"}}")
                .Control(EndOfResults);
        }
        else
        {
            bool isLast = index == LastUserTurn(input);
            if (isLast && input.Tools.Count > 0)
            {
                WriteTools(prompt, input.Tools);
            }

            string head = isLast && input.System is not null && input.Turns[^1].Role != ChatRoles.Assistant ? input.System + "\n\n" : "";
            prompt.Control(Instruction).Text(" " + head).Text(turn.Content).Control(EndOfInstruction);
        }
    }

    /// <inheritdoc/>
    private protected override void WriteReply(PromptBuilder prompt, ChatTurn reply)
    {
        if (reply.Content.Length > 0 || reply.ToolCalls.Count == 0)
        {
            prompt.Text(" ").Text(trimsReplies ? reply.Content.Trim() : reply.Content);
        }

        if (reply.ToolCalls.Count > 0)
        {
            IEnumerable<string> calls = reply.ToolCalls.Select(call =>
                $"{{\"name\": {TemplateJson.Quote(call.Name)}, \"arguments\": {TemplateJson.Format(call.Arguments)}, " +
                $"\"id\": \"{MistralCallId.From(call.Id)}\"}}");
            prompt.Control(MistralCallFormat.Start).Text($" [{string.Join(", ", calls)}]");
        }
    }

    /// <inheritdoc/>
    private protected override void WriteReplyEnd(PromptBuilder prompt) => prompt.End();

    /// <summary>A reply follows the user's turn directly.</summary>
    private protected override void WriteGenerationPrompt(PromptBuilder prompt)
    {
    }

    private static int LastUserTurn(TemplateInput input)
    {
        int index = input.Turns.Count - 1;
        while (index >= 0 && input.Turns[index].Role != ChatRoles.User)
        {
            index--;
        }

        return index;
    }

    private static void WriteTools(PromptBuilder prompt, IReadOnlyList<ToolDeclaration> tools) =>
        prompt.Control(Tools).Text($" [{string.Join(", ", tools.Select(tool => tool.ToFunctionJson()))}]")
            .Control(EndOfTools);

    // A result that is JSON stands as JSON, anything else as a string.
    private static string JsonOf(string content)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(content);
            return TemplateJson.Format(document.RootElement);
        }
        catch (JsonException)
        {
            return TemplateJson.Quote(content);
        }
    }

    private static string Join(string first, string second) =>
        first.Length == 0 || second.Length == 0 ? first + second : first + "\n\n" + second;
}
