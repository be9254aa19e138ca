using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using MambaConnector.Conformance.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Conformance.Load;

/// <summary>32 callers at once on the real model.</summary>
[Collection(SharedModel.Name)]
public sealed class ManyChatsTests(ModelFixture fixture)
{
    private const int Chats = 32;
    private const int Tokens = 24;

    private static readonly string[] Topics =
        ["the sea", "your day", "bread", "a journey to the north", "music", "an old house", "winter", "friends"];

    [Fact]
    public async Task AllAdvanceTogetherAndSayWhatTheySayAlone()
    {
        List<string> alone = [];
        using (IChatClient client = fixture.CreateChatClient())
        {
            for (int chat = 0; chat < Chats; chat++)
            {
                alone.Add((await AskAsync(client, chat)).Text);
            }
        }

        ConcurrentQueue<int> batches = [];
        using MeterListener listener = new()
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == MambaTelemetry.MeterName && instrument.Name == "mamba.batch.size")
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<int>((_, value, _, _) => batches.Enqueue(value));
        listener.Start();
        TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using IChatClient shared = fixture.CreateChatClient();
        Task<ChatResponse>[] chats = [.. Enumerable.Range(0, Chats).Select(async chat =>
        {
            await gate.Task;
            return await AskAsync(shared, chat);
        })];
        gate.SetResult();
        ChatResponse[] responses = await Task.WhenAll(chats);

        Assert.Equal(alone, responses.Select(response => response.Text));
        Assert.All(responses, response => Assert.Equal(Tokens, response.Usage!.OutputTokenCount));
        Assert.All(responses, response => Assert.Equal(ChatFinishReason.Length, response.FinishReason));

        // Nobody waits until another has finished: then there would be more steps than the longest reply and the reading of prompts take.
        int[] sizes = [.. batches.Order()];
        Assert.InRange(sizes[sizes.Length / 2], 28, Chats);
        Assert.InRange(sizes.Length, Tokens - 1, Tokens * 3 / 2);
    }

    private static Task<ChatResponse> AskAsync(IChatClient client, int chat) => client.GetResponseAsync(
        $"Tell me about {Topics[chat % Topics.Length]}, and {chat} times.",
        new ChatOptions
        {
            Temperature = 0.8f,
            Seed = chat,
            MaxOutputTokens = Tokens,

            // No token ends a reply: all have the same length.
            RawRepresentationFactory = _ => new GenerationOptions { StopTokenIds = [] },
        });
}
