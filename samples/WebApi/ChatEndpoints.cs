using System.Net.ServerSentEvents;
using MambaConnector;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Extensions.AI;

namespace WebApi;

/// <summary>The endpoints of the conversation.</summary>
internal static class ChatEndpoints
{
    public static void MapChat(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/chat", StreamAsync);
        routes.MapPost("/chat/complete", CompleteAsync);
    }

    private static async Task<Results<ServerSentEventsResult<ChatEvent>, ProblemHttpResult>> StreamAsync(
        ChatBody body, IChatClient client, RequestLimits limits, MambaModel model, CancellationToken cancellationToken)
    {
        if (limits.Refuse(body, model.Tokenizer) is string refusal)
        {
            return TypedResults.Problem(refusal, statusCode: StatusCodes.Status400BadRequest);
        }

        IAsyncEnumerator<ChatResponseUpdate> updates =
            client.GetStreamingResponseAsync(body.Message, body.ToOptions(limits), cancellationToken).GetAsyncEnumerator(cancellationToken);
        try
        {
            // A request that cannot begin is a status, and the status goes out before the first event.
            await updates.MoveNextAsync();
        }
        catch
        {
            await updates.DisposeAsync();
            throw;
        }

        return TypedResults.ServerSentEvents(EventsAsync(updates));
    }

    private static async Task<Results<Ok<ChatReply>, ProblemHttpResult>> CompleteAsync(
        ChatBody body, IChatClient client, RequestLimits limits, MambaModel model, CancellationToken cancellationToken)
    {
        if (limits.Refuse(body, model.Tokenizer) is string refusal)
        {
            return TypedResults.Problem(refusal, statusCode: StatusCodes.Status400BadRequest);
        }

        ChatResponse response = await client.GetResponseAsync(body.Message, body.ToOptions(limits), cancellationToken);
        return TypedResults.Ok(
            new ChatReply(response.Text, response.ConversationId, response.FinishReason?.Value, ChatUsage.From(response.Usage)));
    }

    /// <param name="updates">At the first update; disposed at the end.</param>
    private static async IAsyncEnumerable<SseItem<ChatEvent>> EventsAsync(IAsyncEnumerator<ChatResponseUpdate> updates)
    {
        await using (updates)
        {
            do
            {
                ChatResponseUpdate update = updates.Current;
                if (update.Text.Length > 0)
                {
                    yield return new SseItem<ChatEvent>(new ChatEvent(Text: update.Text), "text");
                }

                if (update.FinishReason is ChatFinishReason reason)
                {
                    ChatUsage usage = ChatUsage.From(update.Contents.OfType<UsageContent>().Single().Details);
                    ChatReply end = new(null, update.ConversationId, reason.Value, usage);
                    yield return new SseItem<ChatEvent>(new ChatEvent(Done: end), "done");
                }
            }
            while (await updates.MoveNextAsync());
        }
    }
}
