using Microsoft.Extensions.AI;

namespace MambaConnector.ChatClient;

/// <summary>What all updates of one response share.</summary>
internal sealed class ReplyIdentity(string modelId)
{
    private readonly DateTimeOffset _createdAt = DateTimeOffset.UtcNow;
    private readonly string _messageId = $"msg_{Guid.NewGuid():n}";

    public string ResponseId { get; } = $"resp_{Guid.NewGuid():n}";

    public ChatResponseUpdate Update(params IList<AIContent> contents) => new(ChatRole.Assistant, contents)
    {
        ResponseId = ResponseId,
        MessageId = _messageId,
        ModelId = modelId,
        CreatedAt = _createdAt,
    };
}
