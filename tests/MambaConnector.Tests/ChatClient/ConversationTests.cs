using System.Diagnostics;
using MambaConnector.Tests.Support;
using Microsoft.Extensions.AI;
using Moq;

namespace MambaConnector.Tests.ChatClient;

/// <summary>Callers with conversation ids: they send only what is new.</summary>
public class ConversationTests : ChatClientTest
{
    private readonly ScriptedBackend _backend = ConversationBackend.Echo();
    private readonly MemoryConversationStore _store = new();

    private static ChatOptions New => new() { ConversationId = MambaChatClient.NewConversation };

    [Fact]
    public async Task ARequestBringsOnlyWhatIsNew()
    {
        await using MambaChatClient client = Create(_backend, conversations: _store);
        ChatResponse first = await client.GetResponseAsync([User("Hello")], New);

        ChatResponse? second = null;
        string read = await ReadsAsync(_backend, async () => second = await client.GetResponseAsync([User("More")], Continue(first)));

        Assert.Equal("<|im_end|>\n<|im_start|>user\nMore<|im_end|>\n<|im_start|>assistant\nYou said: More", read);
        Assert.NotNull(first.ConversationId);
        Assert.NotNull(second!.ConversationId);
        Assert.NotEqual(first.ConversationId, second.ConversationId);
        Assert.Equal(first.Usage!.InputTokenCount + "You said: Hello".Length, second.Usage!.CachedInputTokenCount);
    }

    [Fact]
    public async Task AnOldIdIsAForkPoint()
    {
        await using MambaChatClient client = Create(_backend, conversations: _store);
        ChatResponse first = await client.GetResponseAsync([User("Hello")], New);
        ChatResponse second = await client.GetResponseAsync([User("one")], Continue(first));
        ChatResponse fork = await client.GetResponseAsync([User("two")], Continue(first));
        ChatResponse third = await client.GetResponseAsync([User("three")], Continue(second));

        Assert.Equal("You said: two", fork.Text);
        Assert.Equal("You said: three", third.Text);
        Assert.Equal(second.Usage!.CachedInputTokenCount, fork.Usage!.CachedInputTokenCount);
        Assert.True(third.Usage!.CachedInputTokenCount > fork.Usage.CachedInputTokenCount);
        Assert.Equal(4, _store.Count);
    }

    [Fact]
    public async Task EveryResponseHasAnIdWhereTheClientIsToldSo()
    {
        await using MambaChatClient client = Create(_backend, new MambaChatClientOptions { StoreConversations = true }, _store);
        ChatResponse first = await client.GetResponseAsync([User("Hello")]);
        Assert.NotNull(first.ConversationId);
        Assert.NotNull((await client.GetResponseAsync([User("More")], Continue(first))).ConversationId);
    }

    [Fact]
    public async Task TheIdIsOnTheLastUpdateAndItsStateIsKeptByThen()
    {
        await using MambaChatClient client = Create(_backend, conversations: _store);
        await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync([User("Hello")], New))
        {
            Assert.Equal(update.FinishReason is null, update.ConversationId is null);
            if (update.ConversationId is string id)
            {
                Assert.NotNull(await _store.LoadAsync(id));
            }
        }
    }

    [Fact]
    public async Task WhatTheStoreDoesBelongsToTheSpanOfTheRequest()
    {
        using ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name == MambaTelemetry.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
        };
        ActivitySource.AddActivityListener(listener);
        string? span = null;
        Mock<IConversationStore> store = new();
        store.Setup(kept => kept.SaveAsync(It.IsAny<string>(), It.IsAny<ReadOnlyMemory<byte>>(), It.IsAny<CancellationToken>()))
            .Callback(() => span = Activity.Current?.DisplayName);
        await using MambaChatClient client = Create(_backend, conversations: store.Object);
        using Activity caller = new Activity("caller").Start();

        await client.GetStreamingResponseAsync([User("Hello")], New).ToListAsync();

        Assert.StartsWith("chat ", span, StringComparison.Ordinal);
        Assert.Same(caller, Activity.Current);
    }

    [Fact]
    public async Task AnUnknownIdIsNamed()
    {
        await using MambaChatClient client = Create(_backend, conversations: _store);
        foreach (string id in (string[])["conv_nowhere", "../../etc/passwd", "\0"])
        {
            ConversationNotFoundException exception = await Assert.ThrowsAsync<ConversationNotFoundException>(
                () => client.GetResponseAsync([User("Hello")], new ChatOptions { ConversationId = id }));
            Assert.Equal(id, exception.ConversationId);
            Assert.Contains(id, exception.Message, StringComparison.Ordinal);
        }

        Assert.Equal(0, _backend.LiveSessions);
    }

    [Fact]
    public async Task AnEvictedIdIsNamed()
    {
        await using MambaChatClient client = Create(_backend, conversations: _store);
        ChatResponse first = await client.GetResponseAsync([User("Hello")], New);
        await _store.RemoveAsync(first.ConversationId!);
        await Assert.ThrowsAsync<ConversationNotFoundException>(() => client.GetResponseAsync([User("More")], Continue(first)));
    }

    [Fact]
    public async Task UnchangedInstructionsAreReadOnce()
    {
        await using MambaChatClient client = Create(_backend, conversations: _store);
        ChatResponse first = await client.GetResponseAsync([User("Hello")], new ChatOptions { ConversationId = "new", Instructions = "Be kind." });
        string read = await ReadsAsync(
            _backend, () => client.GetResponseAsync([User("a")], new ChatOptions { ConversationId = first.ConversationId, Instructions = "Be kind." }));
        Assert.DoesNotContain("kind", read, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARequestWithoutInstructionsLeavesThemAsTheyAre()
    {
        await using MambaChatClient client = Create(_backend, conversations: _store);
        ChatResponse response = await client.GetResponseAsync([User("Hello")], new ChatOptions { ConversationId = "new", Instructions = "Be kind." });
        foreach (string? instructions in (string?[])["", null, "Be kind."])
        {
            ChatOptions options = new() { ConversationId = response.ConversationId, Instructions = instructions };
            string read = await ReadsAsync(_backend, async () => response = await client.GetResponseAsync([User("a")], options));
            Assert.StartsWith("<|im_end|>\n<|im_start|>user\na", read, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task ChangedInstructionsAreReadOnceMore()
    {
        await using MambaChatClient client = Create(_backend, conversations: _store);
        ChatResponse first = await client.GetResponseAsync([User("Hello")], new ChatOptions { ConversationId = "new", Instructions = "Be kind." });
        ChatResponse? second = null;
        string read = await ReadsAsync(_backend, async () => second = await client.GetResponseAsync(
            [User("a")], new ChatOptions { ConversationId = first.ConversationId, Instructions = "Be brief." }));
        Assert.Contains("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\na", read, StringComparison.Ordinal);
        read = await ReadsAsync(_backend, () => client.GetResponseAsync(
            [User("a")], new ChatOptions { ConversationId = second!.ConversationId, Instructions = "Be brief." }));
        Assert.DoesNotContain("brief", read, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AMessageMayHoldOnlyResults()
    {
        await using MambaChatClient client = Create(_backend, conversations: _store);
        ChatResponse first = await client.GetResponseAsync([User("Hello")], New);
        ChatResponse second = await client.GetResponseAsync(
            [new ChatMessage(ChatRole.Tool, [new FunctionResultContent("call", "42")])], Continue(first));
        Assert.Contains("42", second.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnotherTemplatesConversationIsRefused()
    {
        ChatResponse first;
        await using (MambaChatClient client = Create(_backend, conversations: _store))
        {
            first = await client.GetResponseAsync([User("Hello")], New);
        }

        await using MambaChatClient other = Create(_backend, conversations: _store, template: ChatTemplate.Granite4);
        MambaStateMismatchException exception =
            await Assert.ThrowsAsync<MambaStateMismatchException>(() => other.GetResponseAsync([User("More")], Continue(first)));
        Assert.Contains("ChatML", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DamagedBytesAreRefused()
    {
        await _store.SaveAsync("conv_1", new byte[100]);
        await using MambaChatClient client = Create(_backend, conversations: _store);
        await Assert.ThrowsAsync<MambaFormatException>(() => client.GetResponseAsync([User("a")], new ChatOptions { ConversationId = "conv_1" }));
        Assert.Equal(0, _backend.LiveSessions);
    }

    [Fact]
    public async Task AStoreThatFailsFailsTheRequestAndLeavesNothing()
    {
        FailingStore store = new();
        await using (MambaChatClient client = Create(_backend, conversations: store))
        {
            Assert.Equal("disk full", (await Assert.ThrowsAsync<IOException>(() => client.GetResponseAsync([User("a")], New))).Message);
            Assert.Equal("You said: a", (await client.GetResponseAsync([User("a")])).Text);
        }

        Assert.Equal(0, _backend.LiveSessions);
    }

    private static ChatOptions Continue(ChatResponse response) => new() { ConversationId = response.ConversationId };

    private sealed class FailingStore : IConversationStore
    {
        public ValueTask SaveAsync(string id, ReadOnlyMemory<byte> state, CancellationToken cancellationToken = default) => throw new IOException("disk full");

        public ValueTask<ReadOnlyMemory<byte>?> LoadAsync(string id, CancellationToken cancellationToken = default) => new((ReadOnlyMemory<byte>?)null);

        public ValueTask RemoveAsync(string id, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;
    }
}
