using MambaConnector.Chat;
using Microsoft.Extensions.AI;

namespace MambaConnector.ChatClient;

/// <summary>What a request asks for, read and checked.</summary>
internal sealed record ChatRequest
{
    /// <summary>The messages as they came.</summary>
    public required IReadOnlyList<ChatMessage> Messages { get; init; }

    /// <summary>Text that stands before the messages, never empty; null: none.</summary>
    public required string? Instructions { get; init; }

    public required IReadOnlyList<ToolDeclaration> Tools { get; init; }

    public required ChatToolMode ToolMode { get; init; }

    public required bool AllowsMultipleToolCalls { get; init; }

    public required ChatResponseFormat? ResponseFormat { get; init; }

    public required GenerationOptions Generation { get; init; }

    /// <summary>The long-context policy that the request names; null: none.</summary>
    public required LongContextPolicy? Policy { get; init; }

    /// <summary>The conversation to continue; null for none, or a new one.</summary>
    public required string? ConversationId { get; init; }

    /// <summary>Whether the response is to be continued by an id.</summary>
    public required bool StoresConversation { get; init; }
}
