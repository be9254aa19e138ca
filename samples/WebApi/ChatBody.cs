using MambaConnector;
using Microsoft.Extensions.AI;

namespace WebApi;

/// <summary>The body of a request.</summary>
/// <param name="Message">What the user says.</param>
/// <param name="ConversationId">The conversation to go on with, from an earlier reply; null: a new one.</param>
/// <param name="MaxTokens">Tokens of the reply at most.</param>
/// <param name="Temperature">0 is greedy; null: the model's own.</param>
/// <param name="Seed">The same seed gives the same reply; null: a random one.</param>
internal sealed record ChatBody(
    string Message, string? ConversationId = null, int? MaxTokens = null, float? Temperature = null, long? Seed = null)
{
    public ChatOptions ToOptions(RequestLimits limits) => new()
    {
        ConversationId = ConversationId ?? MambaChatClient.NewConversation,
        MaxOutputTokens = MaxTokens ?? limits.ReplyTokens,
        Temperature = Temperature,
        Seed = Seed,
    };
}
