using MambaConnector.Chat;
using Microsoft.Extensions.AI;

namespace MambaConnector.ChatClient;

/// <summary>Reads a request, or says what in it cannot be honoured.</summary>
internal static class RequestReader
{
    /// <exception cref="ArgumentException">An option asks for what this client cannot do; named.</exception>
    public static ChatRequest Read(
        IReadOnlyList<ChatMessage> messages, ChatOptions? options, IChatClient client, MambaChatClientOptions defaults, string modelId)
    {
        if (options is not null)
        {
            OptionsReader.Check(options, modelId);
        }

        IReadOnlyList<ToolDeclaration> tools = Tools(options);
        ChatToolMode mode = options?.ToolMode ?? ChatToolMode.Auto;
        CheckMode(mode, tools);
        string? id = options?.ConversationId is { Length: > 0 } given ? given : null;
        return new ChatRequest
        {
            Messages = messages,
            Instructions = options?.Instructions is { Length: > 0 } instructions ? instructions : null,
            Tools = tools,
            ToolMode = mode,
            AllowsMultipleToolCalls = options?.AllowMultipleToolCalls ?? true,
            ResponseFormat = options?.ResponseFormat,
            Generation = OptionsReader.ReadGeneration(options, client, defaults.Generation),
            Policy = OptionsReader.ReadPolicy(options),
            ConversationId = id == MambaChatClient.NewConversation ? null : id,
            StoresConversation = id is not null || defaults.StoreConversations,
        };
    }

    private static List<ToolDeclaration> Tools(ChatOptions? options)
    {
        List<ToolDeclaration> tools = [];
        foreach (AITool tool in options?.Tools ?? [])
        {
            if (tool is not AIFunctionDeclaration function)
            {
                throw new ArgumentException(
                    $"ChatOptions.Tools holds '{tool.Name}', a {tool.GetType().Name}; a model in this process can call functions " +
                    "(AIFunctionDeclaration) and has no hosted tools. Leave it out.");
            }

            if (tools.Any(other => other.Name == function.Name))
            {
                throw new ArgumentException($"ChatOptions.Tools holds two functions named '{function.Name}'; names tell calls apart.");
            }

            tools.Add(new ToolDeclaration(function.Name, function.Description, function.JsonSchema));
        }

        return tools;
    }

    private static void CheckMode(ChatToolMode mode, IReadOnlyList<ToolDeclaration> tools)
    {
        // Of a function that is required by name, ToolCallFormat says whether it is declared.
        if (mode is RequiredChatToolMode && tools.Count == 0)
        {
            throw new ArgumentException("ChatOptions.ToolMode requires a function call, and ChatOptions.Tools declares no function.");
        }
    }
}
