namespace MambaConnector;

/// <summary>A request continues a conversation whose state is not kept.</summary>
public sealed class ConversationNotFoundException : MambaException
{
    /// <param name="conversationId">What the request asked for.</param>
    public ConversationNotFoundException(string conversationId)
        : base(
            MambaErrorCode.NotFound,
            $"No state is kept for the conversation '{conversationId}': the id is unknown, or its state has expired or was evicted. Begin a new " +
            "conversation with its messages, or raise the limits of the conversation store.") => ConversationId = conversationId;

    /// <summary>What the request asked for.</summary>
    public string ConversationId { get; }
}
