using MambaConnector.Chat;

namespace MambaConnector;

/// <summary>How a conversation becomes tokens. Immutable, thread-safe.</summary>
/// <remarks>The renderers are written by hand and print what the models' own Jinja templates print for plain conversations. Control tokens come
/// from the template alone: message content is always encoded as plain text.</remarks>
public abstract class ChatTemplate
{
    private protected ChatTemplate()
    {
    }

    /// <summary>ChatML: <c>&lt;|im_start|&gt;role\ncontent&lt;|im_end|&gt;\n</c>.</summary>
    public static ChatTemplate ChatMl { get; } = new ChatMlTemplate(beginsSequence: false);

    /// <summary>Granite 4.0, with its default system message where the conversation has none.</summary>
    public static ChatTemplate Granite4 { get; } = new Granite4Template();

    /// <summary>Mistral v3 (Codestral Mamba): <c>[INST] content[/INST] content&lt;/s&gt;</c>.</summary>
    public static ChatTemplate MistralV3 { get; } = new MistralV3Template(trimsReplies: true);

    /// <summary>Falcon3: <c>&lt;|user|&gt;\ncontent\n</c>.</summary>
    public static ChatTemplate Falcon3 { get; } = new Falcon3Template();

    /// <summary>The template's name, for messages and saved files.</summary>
    public abstract string Name { get; }

    /// <summary>The control token that ends a reply, or null where that is the tokenizer's own end token.</summary>
    internal abstract string? EndOfReply { get; }

    /// <summary>The renderer for a checkpoint's <c>chat_template</c>, recognised by what it contains.</summary>
    /// <param name="template">The Jinja text.</param>
    /// <exception cref="MambaFormatException">None matches; the message says how to pass one.</exception>
    public static ChatTemplate FromJinja(string template)
    {
        ArgumentNullException.ThrowIfNull(template);
        return TemplateRecognizer.Recognize(template) ?? throw new MambaFormatException(
            MambaErrorCode.Unsupported,
            "The checkpoint's chat template is none of those that are known (ChatML, Granite 4.0, Mistral v3, Falcon3). Pass the one that fits " +
            "as MambaModelOptions.ChatTemplate, for example ChatTemplate.ChatMl. The template begins: " +
            template[..Math.Min(template.Length, 120)].ReplaceLineEndings(" "));
    }

    /// <summary>A whole conversation as tokens.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="turns">The conversation, a system turn first if there is one.</param>
    /// <param name="addGenerationPrompt">Whether to open the assistant's next turn.</param>
    /// <exception cref="ArgumentException">A role that the template does not know, or in the wrong place.</exception>
    public int[] Render(MambaTokenizer tokenizer, IReadOnlyList<ChatTurn> turns, bool addGenerationPrompt)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return Build(turns, addGenerationPrompt).ToTokens(tokenizer);
    }

    /// <summary>Only what follows a reply that a session already holds: the end of that reply, the new turns and the opening of the next
    /// reply. Nothing before is read again.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="newTurns">What was said since; no system turn.</param>
    /// <param name="addGenerationPrompt">Whether to open the assistant's next turn.</param>
    /// <exception cref="ArgumentException">A role that the template does not know, or in the wrong place.</exception>
    public int[] RenderContinuation(MambaTokenizer tokenizer, IReadOnlyList<ChatTurn> newTurns, bool addGenerationPrompt)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return BuildContinuation(newTurns, addGenerationPrompt).ToTokens(tokenizer);
    }

    /// <summary>A whole conversation as text, as the original template prints it.</summary>
    /// <param name="turns">The conversation.</param>
    /// <param name="addGenerationPrompt">Whether to open the assistant's next turn.</param>
    /// <param name="begin">What the original calls <c>bos_token</c>.</param>
    /// <param name="end">What the original calls <c>eos_token</c>.</param>
    public string RenderText(IReadOnlyList<ChatTurn> turns, bool addGenerationPrompt, string begin = "<s>", string end = "</s>") =>
        Build(turns, addGenerationPrompt).ToText(begin, end);

    /// <summary>What <see cref="RenderContinuation"/> encodes, as text.</summary>
    internal string RenderContinuationText(IReadOnlyList<ChatTurn> newTurns, bool addGenerationPrompt, string end = "</s>") =>
        BuildContinuation(newTurns, addGenerationPrompt).ToText("", end);

    /// <summary>Writes what stands before the first turn of the list, and the default system turn if there is one.</summary>
    private protected abstract void WriteBegin(PromptBuilder prompt, IReadOnlyList<ChatTurn> turns);

    /// <summary>Writes the turn at <paramref name="index"/>.</summary>
    private protected abstract void WriteTurn(PromptBuilder prompt, IReadOnlyList<ChatTurn> turns, int index);

    /// <summary>Writes what stands between an assistant's content and the next turn.</summary>
    private protected abstract void WriteReplyEnd(PromptBuilder prompt);

    /// <summary>Opens the assistant's turn.</summary>
    private protected abstract void WriteGenerationPrompt(PromptBuilder prompt);

    private protected static ArgumentException UnknownRole(string template, string role) =>
        new($"The {template} template has no place for a turn of role '{role}' here; it takes an optional system turn, then user and assistant.");

    private PromptBuilder Build(IReadOnlyList<ChatTurn> turns, bool addGenerationPrompt)
    {
        ArgumentNullException.ThrowIfNull(turns);
        PromptBuilder prompt = new();
        WriteBegin(prompt, turns);
        return WriteTurns(prompt, turns, addGenerationPrompt);
    }

    private PromptBuilder BuildContinuation(IReadOnlyList<ChatTurn> newTurns, bool addGenerationPrompt)
    {
        ArgumentNullException.ThrowIfNull(newTurns);
        if (newTurns.Any(turn => turn.Role == ChatRoles.System))
        {
            throw UnknownRole(Name, ChatRoles.System);
        }

        PromptBuilder prompt = new();
        WriteReplyEnd(prompt);
        return WriteTurns(prompt, newTurns, addGenerationPrompt);
    }

    private PromptBuilder WriteTurns(PromptBuilder prompt, IReadOnlyList<ChatTurn> turns, bool addGenerationPrompt)
    {
        for (int index = 0; index < turns.Count; index++)
        {
            WriteTurn(prompt, turns, index);
        }

        if (addGenerationPrompt)
        {
            WriteGenerationPrompt(prompt);
        }

        return prompt;
    }
}
