namespace MambaConnector.Chat;

/// <summary>Tells a checkpoint's Jinja template by what it contains. Variants that would print something else than our renderer are not
/// recognised: an error is better than a guess.</summary>
internal static class TemplateRecognizer
{
    public static ChatTemplate? Recognize(string template)
    {
        bool Has(string part) => template.Contains(part, StringComparison.Ordinal);

        bool begins = Has("bos_token");
        if (Has("<|im_start|>") && Has("<|im_end|>"))
        {
            // Reasoning switches, default system prompts and trimmed content are other templates in ChatML's clothes.
            return Has("<think>") || Has("You are ") || Has("trim") ? null : begins ? new ChatMlTemplate(beginsSequence: true) : ChatTemplate.ChatMl;
        }

        if (Has("<|start_of_role|>") && Has("<|end_of_role|>"))
        {
            return Has("g4_default_system_message") && Has(Granite4Template.DefaultSystemMessage) ? ChatTemplate.Granite4 : null;
        }

        if (Has("[INST] ") && Has("[/INST]") && begins)
        {
            // v1 has a space before [/INST], v7 and Tekken have none after [INST], Llama 2 has <<SYS>>.
            return Has(" [/INST]") || Has("<<SYS>>") || Has("[SYSTEM_PROMPT]") ? null
                : Has("|trim + eos_token") || Has("| trim + eos_token") ? ChatTemplate.MistralV3
                : new MistralV3Template(trimsReplies: false);
        }

        // The line ends stand in the Jinja text as characters or as escapes.
        bool opensTurns = (Has("<|user|>\\n") && Has("<|assistant|>\\n")) || (Has("<|user|>\n") && Has("<|assistant|>\n"));
        return opensTurns && Has("eos_token") && !begins && !Has("trim") ? ChatTemplate.Falcon3 : null;
    }
}
