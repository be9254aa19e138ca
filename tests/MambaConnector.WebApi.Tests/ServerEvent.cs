using System.Net.ServerSentEvents;
using System.Text.Json;
using WebApi;

namespace MambaConnector.WebApi.Tests;

/// <summary>One event of a stream.</summary>
internal sealed record ServerEvent(string Type, ChatEvent Data)
{
    public static async Task<List<ServerEvent>> ReadAsync(HttpResponseMessage response)
    {
        List<ServerEvent> events = [];
        using Stream stream = await response.Content.ReadAsStreamAsync().ConfigureAwait(true);
        await foreach (SseItem<string> item in SseParser.Create(stream).EnumerateAsync().ConfigureAwait(true))
        {
            events.Add(new ServerEvent(item.EventType, JsonSerializer.Deserialize(item.Data, WebApiJson.Default.ChatEvent)!));
        }

        return events;
    }
}
