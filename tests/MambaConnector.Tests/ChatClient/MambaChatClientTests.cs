using MambaConnector.Tests.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Tests.ChatClient;

public class MambaChatClientTests : ChatClientTest
{
    [Fact]
    public async Task ReplyCarriesWhatCallersExpect()
    {
        using MambaChatClient client = Create(ConversationBackend.Echo(), new MambaChatClientOptions { ModelId = "echo" });
        DateTimeOffset before = DateTimeOffset.UtcNow;

        ChatResponse response = await client.GetResponseAsync([User("Hello")]);

        Assert.Equal("You said: Hello", response.Text);
        ChatMessage message = Assert.Single(response.Messages);
        Assert.Equal(ChatRole.Assistant, message.Role);
        Assert.IsType<TextContent>(Assert.Single(message.Contents));
        Assert.Equal("echo", response.ModelId);
        Assert.StartsWith("resp_", response.ResponseId, StringComparison.Ordinal);
        Assert.StartsWith("msg_", message.MessageId, StringComparison.Ordinal);
        Assert.InRange(response.CreatedAt!.Value, before, DateTimeOffset.UtcNow);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        Assert.Null(response.ConversationId);

        string prompt = ChatTemplate.ChatMl.RenderText([new ChatTurn("user", "Hello")], addGenerationPrompt: true);
        long promptTokens = prompt.Length - "<|im_start|>".Length * 2 - "<|im_end|>".Length + 3;
        Assert.Equal(promptTokens, response.Usage!.InputTokenCount);
        Assert.Equal("You said: Hello".Length + 1, response.Usage.OutputTokenCount);
        Assert.Equal(response.Usage.InputTokenCount + response.Usage.OutputTokenCount, response.Usage.TotalTokenCount);
        Assert.Equal(0, response.Usage.CachedInputTokenCount);
    }

    [Fact]
    public async Task UpdatesBelongTogetherAndTheLastCarriesTheUsage()
    {
        using MambaChatClient client = Create(ConversationBackend.Echo());

        List<ChatResponseUpdate> updates = await client.GetStreamingResponseAsync([User("Hello")]).ToListAsync();

        Assert.True(updates.Count > 2);
        Assert.All(updates, update => Assert.Equal(ChatRole.Assistant, update.Role));
        Assert.Single(updates.Select(update => (update.ResponseId, update.MessageId, update.ModelId, update.CreatedAt)).Distinct());
        Assert.All(updates[..^1], update => Assert.Null(update.FinishReason));
        Assert.All(updates[..^1], update => Assert.IsType<TextContent>(Assert.Single(update.Contents)));
        Assert.Equal(ChatFinishReason.Stop, updates[^1].FinishReason);
        Assert.IsType<UsageContent>(Assert.Single(updates[^1].Contents));
        Assert.Equal("You said: Hello", string.Concat(updates.Select(update => update.Text)));
    }

    [Fact]
    public async Task MessagesAreRenderedByTheTemplate()
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        using MambaChatClient client = Create(backend);

        string read = await ReadsAsync(backend, () => client.GetResponseAsync(
            [System("Be brief."), User("a"), Assistant("b"), User("c")], new ChatOptions { Instructions = "Be kind." }));

        Assert.StartsWith(
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\na<|im_end|>\n" +
            "<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n<|im_start|>assistant\n",
            read,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task ControlTokensInAMessageAreText()
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        using MambaChatClient client = Create(backend);
        List<int> read = [];
        backend.Evaluating = read.AddRange;

        await client.GetResponseAsync([User("<|im_end|>")]);

        Assert.Equal(1, read.Count(token => token == TestTokenizer.ImEnd));
    }

    [Fact]
    public async Task SeveralContentsAreOneText()
    {
        using MambaChatClient client = Create(ConversationBackend.Echo());
        ChatMessage message = new(ChatRole.User, [new TextContent("a"), new DataContent("b"u8.ToArray(), "text/plain"), new TextContent("c")]);
        Assert.Equal("You said: abc", (await client.GetResponseAsync([message])).Text);
    }

    [Fact]
    public async Task WhatIsNoTextIsRefusedByName()
    {
        using MambaChatClient client = Create(ConversationBackend.Echo());
        ChatMessage picture = new(ChatRole.User, [new DataContent(new byte[] { 1 }, "image/png")]);

        ArgumentException exception = await Assert.ThrowsAsync<ArgumentException>(() => client.GetResponseAsync([picture]));

        Assert.Contains("DataContent", exception.Message, StringComparison.Ordinal);
        Assert.Equal("You said: a", (await client.GetResponseAsync([User("a")])).Text);
    }

    [Fact]
    public async Task EmptyMessagesAreMessages()
    {
        using MambaChatClient client = Create(ConversationBackend.Echo());
        Assert.Equal("You said: a", (await client.GetResponseAsync([System(""), User(""), Assistant(""), User("a")])).Text);
    }

    [Fact]
    public async Task NoMessagesAreRefused()
    {
        using MambaChatClient client = Create(ConversationBackend.Echo());
        Assert.Throws<ArgumentNullException>(() => client.GetStreamingResponseAsync(null!));
        await Assert.ThrowsAsync<ArgumentNullException>(() => client.GetResponseAsync((IEnumerable<ChatMessage>)null!));
        Assert.Contains("no messages", (await Assert.ThrowsAsync<ArgumentException>(() => client.GetResponseAsync([]))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task CallersObjectsAreNotChanged()
    {
        using MambaChatClient client = Create(ConversationBackend.Echo());
        ChatMessage[] messages = [User("a")];
        ChatOptions options = new() { Instructions = "b", StopSequences = ["x"], AdditionalProperties = new() { ["min_p"] = 0.1 } };

        await client.GetResponseAsync(messages, options);

        Assert.Equal("a", Assert.Single(messages).Text);
        Assert.Equal("b", options.Instructions);
        Assert.Equal(["x"], options.StopSequences);
        Assert.Null(options.Temperature);
        Assert.Single(options.AdditionalProperties);
    }

    [Fact]
    public async Task TooLongAPromptIsRefused()
    {
        using MambaChatClient client = Create(ConversationBackend.Echo(), new MambaChatClientOptions { MaxInputTokens = 50 });
        await client.GetResponseAsync([User("short")]);
        ArgumentException exception = await Assert.ThrowsAsync<ArgumentException>(() => client.GetResponseAsync([User(new string('a', 50))]));
        Assert.Contains("MaxInputTokens", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ServicesAreFoundByTheirTypes()
    {
        using MambaModel model = TestModel.Create(ConversationBackend.Echo(), ChatTemplate.ChatMl);
        MemoryConversationStore store = new();
        using IChatClient client = new MambaChatClient(model, new MambaChatClientOptions { ModelId = "m" }, store);

        Assert.Same(model, client.GetService<MambaModel>());
        Assert.Same(model.Tokenizer, client.GetService<MambaTokenizer>());
        Assert.Same(ChatTemplate.ChatMl, client.GetService<ChatTemplate>());
        Assert.Same(store, client.GetService<IConversationStore>());
        Assert.Same(client, client.GetService<MambaChatClient>());
        Assert.Same(client, client.GetService<IChatClient>());
        Assert.Null(client.GetService<string>());
        Assert.Null(client.GetService<MambaModel>("key"));
        ChatClientMetadata metadata = client.GetService<ChatClientMetadata>()!;
        Assert.Same(metadata, client.GetService<ChatClientMetadata>());
        Assert.Equal(("mamba", null, "m"), (metadata.ProviderName, metadata.ProviderUri, metadata.DefaultModelId));
    }

    [Fact]
    public void OptionsOutOfRangeAreNamed()
    {
        using MambaModel model = TestModel.Create(ConversationBackend.Echo(), ChatTemplate.ChatMl);
        (MambaChatClientOptions Options, string Name)[] cases =
        [
            (new() { MaxInputTokens = 0 }, "MaxInputTokens"), (new() { MaxConcurrency = 0 }, "MaxConcurrency"), (new() { MaxQueueLength = -1 }, "MaxQueueLength"),
            (new() { PrefillSliceTokens = 0 }, "PrefillSliceTokens"), (new() { PrefixCacheBytes = -1 }, "PrefixCacheBytes"),
        ];
        foreach ((MambaChatClientOptions options, string name) in cases)
        {
            Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(() => new MambaChatClient(model, options)).ParamName);
        }
    }

    [Fact]
    public void AModelWithoutATemplateIsRefused()
    {
        using MambaModel model = TestModel.Create(ConversationBackend.Echo());
        Assert.Contains("ChatTemplate", Assert.Throws<MambaFormatException>(() => model.AsIChatClient()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ACancelledRequestLeavesNothingBehind()
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        using CancellationTokenSource cancellation = new();
        using (MambaChatClient client = Create(backend))
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            {
                await foreach (ChatResponseUpdate _ in client.GetStreamingResponseAsync([User("Hello")], cancellationToken: cancellation.Token))
                {
                    await cancellation.CancelAsync();
                }
            });
            Assert.Equal("You said: Hello", (await client.GetResponseAsync([User("Hello")])).Text);
        }

        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task ARequestThatIsLeftLeavesNothingBehind()
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        await using (MambaChatClient client = Create(backend))
        {
            await foreach (ChatResponseUpdate _ in client.GetStreamingResponseAsync([User("Hello")]))
            {
                break;
            }
        }

        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task AFailureEndsItsRequestOnly()
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        await using (MambaChatClient client = Create(backend))
        {
            backend.Evaluating = _ => throw new MambaOutOfMemoryException(MambaErrorCode.OutOfMemory, "no memory");
            await Assert.ThrowsAsync<MambaOutOfMemoryException>(() => client.GetResponseAsync([User("Hello")]));
            backend.Evaluating = null;
            Assert.Equal("You said: Hello", (await client.GetResponseAsync([User("Hello")])).Text);
        }

        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task ADisposedClientSaysSo()
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        MambaChatClient client = Create(backend);
        await client.GetResponseAsync([User("Hello")]);
        client.Dispose();
        client.Dispose();
        await client.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetResponseAsync([User("Hello")]));
        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task DisposalEndsRequestsUnderWay()
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        MambaChatClient client = Create(backend);
        await using IAsyncEnumerator<ChatResponseUpdate> updates = client.GetStreamingResponseAsync([User("Hello")]).GetAsyncEnumerator();
        Assert.True(await updates.MoveNextAsync());
        await client.DisposeAsync();

        // What was made before the disposal may still come; then the request says why it ended, unless it was done.
        Exception? exception = await Record.ExceptionAsync(async () =>
        {
            while (await updates.MoveNextAsync())
            {
            }
        });
        Assert.True(exception is null or ObjectDisposedException, exception?.ToString());
        Assert.Equal(0, backend.LiveSessions);
    }
}
