namespace MambaConnector.Chat;

/// <summary>Tools as the Hermes models began it and ChatML and Granite models follow it: declarations a line each between
/// <c>&lt;tools&gt;</c> tags, calls between <c>&lt;tool_call&gt;</c> tags, results between <c>&lt;tool_response&gt;</c> tags.</summary>
internal static class HermesTools
{
    private const string Response = "<tool_response>";
    private const string EndOfResponse = "</tool_response>";

    private static readonly string[] Tags = ["<tools>", "</tools>", HermesCallFormat.Start, HermesCallFormat.End];

    /// <summary>All control tokens of tools, in vocabularies that have them.</summary>
    public static IReadOnlyList<string> Controls { get; } = [.. Tags, Response, EndOfResponse];

    /// <summary>Writes the declarations, between a template's own head and tail.</summary>
    public static void WriteDeclarations(PromptBuilder prompt, string head, IReadOnlyList<ToolDeclaration> tools, string tail)
    {
        WriteOwnText(prompt, head);
        foreach (ToolDeclaration tool in tools)
        {
            prompt.Text("\n").Text(tool.ToFunctionJson());
        }

        WriteOwnText(prompt, tail);
    }

    /// <summary>Writes what an assistant's turn says, then what it calls.</summary>
    public static void WriteReply(PromptBuilder prompt, ChatTurn reply)
    {
        prompt.Text(reply.Content);
        for (int index = 0; index < reply.ToolCalls.Count; index++)
        {
            ToolCall call = reply.ToolCalls[index];
            prompt.Text(index > 0 || reply.Content.Length > 0 ? "\n" : "").Control(HermesCallFormat.Start)
                .Text($"\n{{\"name\": {TemplateJson.Quote(call.Name)}, \"arguments\": {TemplateJson.Format(call.Arguments)}}}\n")
                .Control(HermesCallFormat.End);
        }
    }

    /// <summary>Writes a result, between the opening and the end of a turn.</summary>
    public static void WriteResult(PromptBuilder prompt, string content) =>
        prompt.Control(Response).Text("\n").Text(content).Text("\n").Control(EndOfResponse);

    // The tags in the template's own text are control tokens where the vocabulary has them.
    private static void WriteOwnText(PromptBuilder prompt, string text)
    {
        int start = 0;
        for (int index = 0; index < text.Length; index++)
        {
            if (text[index] == '<' && Array.Find(Tags, tag => string.CompareOrdinal(text, index, tag, 0, tag.Length) == 0) is string found)
            {
                prompt.Text(text[start..index]).Control(found);
                start = index + found.Length;
            }
        }

        prompt.Text(text[start..]);
    }
}
