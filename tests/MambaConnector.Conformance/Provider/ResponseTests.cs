using MambaConnector.Conformance.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Conformance.Provider;

/// <summary>Replies, whole and as they are made, and what they say about themselves.</summary>
public sealed class ResponseTests(ModelFixture fixture) : ProviderTests(fixture)
{
    [Fact]
    public async Task GetResponseAsync_SingleRequestMessage()
    {
        ChatResponse response = await Client.GetResponseAsync("Hello! How are you today?", Brief());

        ChatMessage message = Assert.Single(response.Messages);
        Assert.Equal(ChatRole.Assistant, message.Role);
        Assert.NotEmpty(response.Text.Trim());
        Assert.Contains(response.FinishReason, new ChatFinishReason?[] { ChatFinishReason.Stop, ChatFinishReason.Length });
        Assert.Equal(Client.GetRequiredService<ChatClientMetadata>().DefaultModelId, response.ModelId);
        Assert.False(string.IsNullOrEmpty(response.ResponseId));
        Assert.False(string.IsNullOrEmpty(message.MessageId));
        Assert.NotNull(response.CreatedAt);
        Assert.Null(response.ConversationId);
    }

    [Fact]
    public async Task GetResponseAsync_MultipleRequestMessages()
    {
        List<ChatMessage> messages =
        [
            new(ChatRole.User, "My name is Anna."),
            new(ChatRole.Assistant, "Hello Anna, nice to meet you!"),
            new(ChatRole.User, "I live in Rome."),
            new(ChatRole.Assistant, "Rome is a lovely city."),
            new(ChatRole.User, "What is my name?"),
        ];
        ChatOptions options = Brief();
        options.Temperature = 0;
        ChatResponse response = await Client.GetResponseAsync(messages, options);
        ChatResponse withoutHistory = await Client.GetResponseAsync(messages[^1..], options);

        Assert.NotEmpty(response.Text.Trim());
        Assert.Equal(5, messages.Count);
        Assert.True(response.Usage!.InputTokenCount > withoutHistory.Usage!.InputTokenCount);
        Assert.NotEqual(withoutHistory.Text, response.Text);
    }

    [Fact]
    public async Task GetResponseAsync_WithEmptyMessage()
    {
        ChatResponse response = await Client.GetResponseAsync(
            [new(ChatRole.System, []), new(ChatRole.User, []), new(ChatRole.Assistant, []), new(ChatRole.User, "What is 1 + 2?")], Brief());

        Assert.Equal(ChatRole.Assistant, Assert.Single(response.Messages).Role);
        Assert.NotEmpty(response.Text.Trim());
    }

    [Fact]
    public async Task GetStreamingResponseAsync()
    {
        ChatMessage[] messages = [new(ChatRole.User, "Tell me a story.")];
        List<ChatResponseUpdate> updates = await Client.GetStreamingResponseAsync(messages, Brief()).ToListAsync();
        using IChatClient other = Fixture.CreateChatClient();
        ChatResponse whole = await other.GetResponseAsync(messages, Brief());

        Assert.True(updates.Count > 2);
        Assert.Equal(whole.Text, string.Concat(updates.Select(update => update.Text)));
        Assert.All(updates, update => Assert.Equal(ChatRole.Assistant, update.Role));
        Assert.All(updates, update => Assert.NotNull(update.CreatedAt));
        Assert.All(updates, update => Assert.Equal(whole.ModelId, update.ModelId));
        Assert.Single(updates.Select(update => update.MessageId).Distinct());
        Assert.False(string.IsNullOrEmpty(Assert.Single(updates.Select(update => update.ResponseId).Distinct())));
        Assert.Equal(whole.FinishReason, Assert.Single(updates, update => update.FinishReason is not null).FinishReason);
        Assert.NotNull(updates[^1].FinishReason);
    }

    [Fact]
    public async Task GetResponseAsync_UsageDataAvailable()
    {
        ChatResponse response = await Client.GetResponseAsync("How are you?", Brief());

        AssertIsComplete(response.Usage, 16);
    }

    [Fact]
    public async Task GetStreamingResponseAsync_UsageDataAvailable()
    {
        ChatOptions options = Brief();
        options.AdditionalProperties = new() { ["stream_options"] = new Dictionary<string, object> { ["include_usage"] = true } };
        List<ChatResponseUpdate> updates = await Client.GetStreamingResponseAsync("How are you?", options).ToListAsync();

        Assert.True(updates.Count > 1);
        AssertIsComplete(Assert.Single(updates.SelectMany(update => update.Contents).OfType<UsageContent>()).Details, 16);
        Assert.Contains(updates[^1].Contents, content => content is UsageContent);
    }

    [Fact]
    public async Task GetStreamingResponseAsync_AppendToHistory()
    {
        List<ChatMessage> history = [new(ChatRole.User, "Tell me about the sea.")];
        IAsyncEnumerable<ChatResponseUpdate> updates = Client.GetStreamingResponseAsync(history, Brief());
        Assert.Single(history);
        await history.AddMessagesAsync(updates);

        Assert.Equal(2, history.Count);
        Assert.Equal(ChatRole.Assistant, history[1].Role);
        Assert.NotEmpty(Assert.IsType<TextContent>(Assert.Single(history[1].Contents)).Text);

        // And it goes on from there.
        history.Add(new(ChatRole.User, "Go on."));
        Assert.NotEmpty((await Client.GetResponseAsync(history, Brief())).Text);
    }

    [Fact]
    public async Task Caching_OutputVariesWithoutCaching()
    {
        ChatOptions options = new() { MaxOutputTokens = 24, Temperature = 1 };
        ChatMessage message = new(ChatRole.User, "Pick a number between one and a million.");
        ChatResponse first = await Client.GetResponseAsync([message], options);
        ChatResponse second = await Client.GetResponseAsync([message], options);

        Assert.NotEqual(first.Text, second.Text);
        Assert.NotEqual(first.ResponseId, second.ResponseId);
    }

    [Theory]
    [InlineData("image/png")]
    [InlineData("application/pdf")]
    public async Task ContentThatIsNoTextIsRefusedByName(string mediaType)
    {
        ChatMessage message = new(ChatRole.User, [new TextContent("What is this?"), new DataContent(new byte[] { 1, 2, 3 }, mediaType)]);
        ArgumentException exception = await Assert.ThrowsAsync<ArgumentException>(() => Client.GetResponseAsync([message], Brief()));

        Assert.Contains(nameof(DataContent), exception.Message, StringComparison.Ordinal);
        Assert.NotEmpty((await Client.GetResponseAsync("What is this?", Brief())).Text);
    }

    private static void AssertIsComplete(UsageDetails? usage, int maximum)
    {
        Assert.True(usage?.InputTokenCount > 1);
        Assert.InRange(usage.OutputTokenCount!.Value, 2, maximum);
        Assert.Equal(usage.InputTokenCount + usage.OutputTokenCount, usage.TotalTokenCount);
        Assert.InRange(usage.CachedInputTokenCount!.Value, 0, usage.InputTokenCount!.Value);
    }
}
