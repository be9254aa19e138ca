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

    /// <summary>All control tokens that the template may write, beside those that begin and end a sequence, and those of its tools.</summary>
    internal abstract IReadOnlyList<string> ControlTokens { get; }

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
        ArgumentNullException.ThrowIfNull(turns);
        TokenPromptBuilder prompt = new(tokenizer, knownReplies: null);
        Write(prompt, TemplateInput.Create(turns), addGenerationPrompt);
        return prompt.ToPrompt().Tokens;
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
        TokenPromptBuilder prompt = new(tokenizer, knownReplies: null);
        Write(prompt, WithoutSystem(newTurns), addGenerationPrompt);
        return prompt.ToPrompt().Tokens;
    }

    /// <summary>A whole conversation as text, as the original template prints it.</summary>
    /// <param name="turns">The conversation.</param>
    /// <param name="addGenerationPrompt">Whether to open the assistant's next turn.</param>
    /// <param name="begin">What the original calls <c>bos_token</c>.</param>
    /// <param name="end">What the original calls <c>eos_token</c>.</param>
    public string RenderText(IReadOnlyList<ChatTurn> turns, bool addGenerationPrompt, string begin = "<s>", string end = "</s>")
    {
        ArgumentNullException.ThrowIfNull(turns);
        return RenderText(TemplateInput.Create(turns), addGenerationPrompt, begin, end);
    }

    /// <summary>A whole conversation as tokens, with the opening of the next reply, for any order of turns that the template can express:
    /// turns of one role that it insists on having apart are joined.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="turns">The conversation.</param>
    /// <param name="tools">Tools to tell the model of.</param>
    /// <param name="knownReplies">Replies that are taken as they were generated; null: none.</param>
    /// <exception cref="ArgumentException">A role that the template does not know, or in the wrong place, or tools where it knows
    /// none.</exception>
    internal RenderedPrompt Render(
        MambaTokenizer tokenizer, IReadOnlyList<ChatTurn> turns, IReadOnlyList<ToolDeclaration> tools, IKnownReplies? knownReplies)
    {
        TokenPromptBuilder prompt = new(tokenizer, knownReplies);
        Write(prompt, TemplateInput.Create(Arrange(turns), tools), addGenerationPrompt: true);
        return prompt.ToPrompt();
    }

    /// <summary>Only what follows a reply that a state already holds: the end of that reply, the new turns, which may change the
    /// instructions, and the opening of the next reply.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="newTurns">What was said since.</param>
    /// <param name="tools">Tools that the model was not told of before.</param>
    /// <exception cref="ArgumentException">A role that the template does not know, or in the wrong place, or tools where it knows
    /// none.</exception>
    internal RenderedPrompt RenderContinuation(
        MambaTokenizer tokenizer, IReadOnlyList<ChatTurn> newTurns, IReadOnlyList<ToolDeclaration> tools)
    {
        TokenPromptBuilder prompt = new(tokenizer, knownReplies: null);
        Write(prompt, TemplateInput.Create(Arrange(newTurns), tools, isContinuation: true), addGenerationPrompt: true);
        return prompt.ToPrompt();
    }

    /// <summary>A whole conversation, with the opening of the next reply, as what stands before a place in one of its turns and what stands behind it, for a
    /// text of any length that is read in between.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="turns">The conversation; one content holds <paramref name="place"/>, once.</param>
    /// <param name="place">What marks the place; it is left out.</param>
    /// <param name="guard">Keeps control tokens out of the contents.</param>
    /// <returns>Both rows of tokens.</returns>
    /// <exception cref="ArgumentException">A role that the template does not know, or in the wrong place.</exception>
    internal (int[] Before, int[] After) RenderAround(
        MambaTokenizer tokenizer, IReadOnlyList<ChatTurn> turns, string place, ControlGuard guard)
    {
        SplitPromptBuilder prompt = new(tokenizer, place, guard);
        Write(prompt, TemplateInput.Create(turns), addGenerationPrompt: true);
        return prompt.ToPrompt();
    }

    /// <summary>Options that also end a reply at <see cref="EndOfReply"/>, which may not be among the checkpoint's end tokens.</summary>
    internal GenerationOptions EndReplies(MambaModel model, GenerationOptions options) =>
        options.StopTokenIds is null && EndOfReply is string name && model.Tokenizer.TryGetId(name, out int id)
            ? options with { StopTokenIds = [.. model.GenerationDefaults.EndTokenIds.Append(id).Distinct()] }
            : options;

    /// <summary>What a template prints, as text.</summary>
    internal string RenderText(TemplateInput input, bool addGenerationPrompt, string begin, string end)
    {
        TextPromptBuilder prompt = new(begin, end);
        Write(prompt, input, addGenerationPrompt);
        return prompt.ToString();
    }

    /// <summary>What <see cref="RenderContinuation(MambaTokenizer, IReadOnlyList{ChatTurn}, bool)"/> encodes, as text.</summary>
    internal string RenderContinuationText(IReadOnlyList<ChatTurn> newTurns, bool addGenerationPrompt, string end = "</s>") =>
        RenderText(WithoutSystem(newTurns), addGenerationPrompt, "", end);

    /// <summary>How the model calls tools; null where the template has no form for them.</summary>
    internal virtual ToolCallFormat? ToolCalls => null;

    /// <summary>Brings turns into an order that the template can express.</summary>
    private protected virtual IReadOnlyList<ChatTurn> Arrange(IReadOnlyList<ChatTurn> turns) => turns;

    /// <summary>Writes what stands before everything else.</summary>
    private protected abstract void WriteBegin(PromptBuilder prompt);

    /// <summary>Writes the instructions and the tools, where they stand before the turns.</summary>
    private protected abstract void WriteInstructions(PromptBuilder prompt, TemplateInput input);

    /// <summary>Writes the turn at <paramref name="index"/>.</summary>
    private protected abstract void WriteTurn(PromptBuilder prompt, TemplateInput input, int index);

    /// <summary>Writes what stands between an assistant's content and the next turn.</summary>
    private protected abstract void WriteReplyEnd(PromptBuilder prompt);

    /// <summary>Opens the assistant's turn.</summary>
    private protected abstract void WriteGenerationPrompt(PromptBuilder prompt);

    /// <summary>Writes an assistant's turn that is not known, between its opening and its end.</summary>
    private protected virtual void WriteReply(PromptBuilder prompt, ChatTurn reply) => prompt.Text(reply.Content);

    /// <summary>Writes an assistant's turn up to its end.</summary>
    private protected void WriteOpenReply(PromptBuilder prompt, ChatTurn reply)
    {
        WriteGenerationPrompt(prompt);
        if (!prompt.TryAddKnownReply(reply))
        {
            WriteReply(prompt, reply);
        }
    }

    private protected ArgumentException UnknownRole(string role) => new(
        $"The {Name} template has no place for a turn of role '{role}' here; it takes an optional system turn, then user and assistant.");

    private static string? NameOfTool(TemplateInput input) =>
        input.Tools.Select(tool => tool.Name).Concat(input.Turns.SelectMany(turn => turn.ToolCalls, (_, call) => call.Name))
            .FirstOrDefault();

    private TemplateInput WithoutSystem(IReadOnlyList<ChatTurn> newTurns)
    {
        ArgumentNullException.ThrowIfNull(newTurns);
        return newTurns.Any(turn => turn.Role == ChatRoles.System)
            ? throw UnknownRole(ChatRoles.System)
            : TemplateInput.Create(newTurns, isContinuation: true);
    }

    private void Write(PromptBuilder prompt, TemplateInput input, bool addGenerationPrompt)
    {
        if (ToolCalls is null && NameOfTool(input) is string tool)
        {
            throw new ArgumentException($"The {Name} template has no form for tools, so the model cannot be told of '{tool}'.");
        }

        if (input.IsContinuation)
        {
            WriteReplyEnd(prompt);
        }
        else
        {
            WriteBegin(prompt);
        }

        prompt.EndTurn();
        WriteInstructions(prompt, input);
        prompt.EndTurn();
        for (int index = 0; index < input.Turns.Count; index++)
        {
            WriteTurn(prompt, input, index);
            prompt.EndTurn();
        }

        if (addGenerationPrompt)
        {
            WriteGenerationPrompt(prompt);
        }
    }
}
