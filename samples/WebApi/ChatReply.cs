using System.Text.Json.Serialization;
using Microsoft.Extensions.AI;

namespace WebApi;

/// <summary>A whole reply, or the end of one that was streamed.</summary>
/// <param name="Text">The reply; null where it was streamed before.</param>
/// <param name="ConversationId">What to go on with. Every reply has another; an old one goes on from where it was.</param>
/// <param name="FinishReason">stop, or length when the reply was cut.</param>
/// <param name="Usage">What it cost.</param>
internal sealed record ChatReply(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Text, string? ConversationId, string? FinishReason,
    ChatUsage Usage);

/// <summary>Tokens of a request.</summary>
/// <param name="InputTokens">Tokens of the whole conversation before the reply.</param>
/// <param name="CachedInputTokens">Those of them that were not read again.</param>
/// <param name="OutputTokens">Tokens of the reply.</param>
internal sealed record ChatUsage(long InputTokens, long CachedInputTokens, long OutputTokens)
{
    public static ChatUsage From(UsageDetails? usage) =>
        new(usage?.InputTokenCount ?? 0, usage?.CachedInputTokenCount ?? 0, usage?.OutputTokenCount ?? 0);
}
