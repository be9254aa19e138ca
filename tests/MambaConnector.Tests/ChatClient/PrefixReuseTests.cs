using MambaConnector.Tests.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Tests.ChatClient;

/// <summary>Callers without conversation ids: what was read before is not read again.</summary>
public class PrefixReuseTests : ChatClientTest
{
    private const int Inst = 8; // a control token that gives no text

    [Fact]
    public async Task TheNextTurnReadsOnlyItself()
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        using MambaChatClient client = Create(backend);
        ChatResponse first = await client.GetResponseAsync([User("Hello")]);

        ChatResponse? second = null;
        string read = await ReadsAsync(backend, async () => second = await client.GetResponseAsync([User("Hello"), .. first.Messages, User("More")]));

        Assert.StartsWith("<|im_end|>\n<|im_start|>user\nMore<|im_end|>\n<|im_start|>assistant\nYou said: More", read, StringComparison.Ordinal);
        Assert.Equal(first.Usage!.InputTokenCount + "You said: Hello".Length, second!.Usage!.CachedInputTokenCount);
        Assert.True(second.Usage.InputTokenCount > second.Usage.CachedInputTokenCount);
    }

    [Fact]
    public async Task AReplyThatWouldTokeniseDifferentlyIsNotReadAgain()
    {
        ScriptedBackend backend = ConversationBackend.Create(_ => [.. TestTokenizer.Tokens("a"), Inst, .. TestTokenizer.Tokens("b")]);
        using MambaChatClient client = Create(backend);
        ChatResponse first = await client.GetResponseAsync([User("x")]);
        Assert.Equal("ab", first.Text);

        string read = await ReadsAsync(backend, () => client.GetResponseAsync([User("x"), .. first.Messages, User("y")]));

        Assert.StartsWith("<|im_end|>\n<|im_start|>user\ny", read, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ItIsNotReadAgainWhenTheStatesOfEarlierTurnsHaveGone()
    {
        ScriptedBackend backend = ConversationBackend.Create(_ => [.. TestTokenizer.Tokens("a"), Inst, .. TestTokenizer.Tokens("b")]);
        using MambaChatClient client = Create(backend, new MambaChatClientOptions { PrefixCacheBytes = 500 });
        List<ChatMessage> history = [];
        for (int turn = 0; turn < 8; turn++)
        {
            history.Add(User($"message {turn}"));
            ChatResponse? response = null;
            string read = await ReadsAsync(backend, async () => response = await client.GetResponseAsync(history));
            Assert.StartsWith(turn == 0 ? "<|im_start|>user\nmessage 0" : $"<|im_end|>\n<|im_start|>user\nmessage {turn}", read, StringComparison.Ordinal);
            history.AddRange(response!.Messages);
        }
    }

    [Fact]
    public async Task TheTenthTurnOfALongHistoryCostsWhatItsNewMessageCosts()
    {
        const int Message = 2000;
        const int Chunk = 64;
        using MambaChatClient client = Create(
            ConversationBackend.Create(_ => [.. TestTokenizer.Tokens("a"), Inst, .. TestTokenizer.Tokens("b")]));
        List<ChatMessage> history = [];
        UsageDetails usage = new();
        for (int turn = 0; turn < 10; turn++)
        {
            history.Add(User(new string((char)('a' + turn), Message)));
            ChatResponse response = await client.GetResponseAsync(history);
            history.AddRange(response.Messages);
            usage = response.Usage!;
            Assert.True(turn == 0 || usage.CachedInputTokenCount >= usage.InputTokenCount - Message - Chunk);
        }

        Assert.True(usage.InputTokenCount > 10 * Message);
    }

    [Fact]
    public async Task TheSamePromptAgainReadsNothing()
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        using MambaChatClient client = Create(backend);
        ChatResponse first = await client.GetResponseAsync([User("Hello")]);

        ChatResponse? again = null;
        string read = await ReadsAsync(backend, async () => again = await client.GetResponseAsync([User("Hello")]));

        Assert.StartsWith("You said: Hello", read, StringComparison.Ordinal);
        Assert.Equal(first.Usage!.InputTokenCount, again!.Usage!.CachedInputTokenCount);
        Assert.Equal(first.Text, again.Text);
    }

    [Fact]
    public async Task AnEditedReplyIsReadFromWhereItBegins()
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        using MambaChatClient client = Create(backend);
        await client.GetResponseAsync([User("Hello")]);
        string read = await ReadsAsync(backend, () => client.GetResponseAsync([User("Hello"), Assistant("Hi."), User("More")]));
        Assert.StartsWith("Hi.<|im_end|>\n<|im_start|>user\nMore", read, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnotherLastMessageReadsOnlyItself()
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        using MambaChatClient client = Create(backend);
        string instructions = new('i', 100);
        string longMessage = new('m', 100);
        await client.GetResponseAsync([System(instructions), User(longMessage)]);
        string read = await ReadsAsync(backend, () => client.GetResponseAsync([System(instructions), User("b")]));
        Assert.StartsWith("<|im_start|>user\nb<|im_end|>", read, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ACutReplyContinuesFromWhereItWasCut()
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        using MambaChatClient client = Create(backend);
        ChatResponse first = await client.GetResponseAsync([User("Hello")], new ChatOptions { StopSequences = [": H"] });
        Assert.Equal("You said", first.Text);
        string read = await ReadsAsync(backend, () => client.GetResponseAsync([User("Hello"), .. first.Messages, User("More")]));
        Assert.StartsWith("<|im_end|>\n<|im_start|>user\nMore", read, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutACacheEverythingIsRead()
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        using MambaChatClient client = Create(backend, new MambaChatClientOptions { PrefixCacheBytes = 0 });
        ChatResponse first = await client.GetResponseAsync([User("Hello")]);
        ChatResponse second = await client.GetResponseAsync([User("Hello"), .. first.Messages, User("More")]);
        Assert.Equal(0, second.Usage!.CachedInputTokenCount);
        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task StatesStayWithinTheirBytes()
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        await using (MambaChatClient client = Create(backend, new MambaChatClientOptions { PrefixCacheBytes = 500 }))
        {
            for (int index = 0; index < 10; index++)
            {
                await client.GetResponseAsync([User($"message {index}")]);
            }

            Assert.Equal(5, backend.LiveSessions);
        }

        Assert.Equal(0, backend.LiveSessions);
    }

    [Fact]
    public async Task ConcurrentTurnsOfOneHistoryDoNotDisturbEachOther()
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        await using (MambaChatClient client = Create(backend, new MambaChatClientOptions { PrefixCacheBytes = 700 }))
        {
            ChatResponse first = await client.GetResponseAsync([User("Hello")]);
            string[] replies = await Task.WhenAll(Enumerable.Range(0, 40).Select(async index =>
                (await client.GetResponseAsync([User("Hello"), .. first.Messages, User($"number {index}")])).Text));
            Assert.Equal(Enumerable.Range(0, 40).Select(index => $"You said: number {index}"), replies);
        }

        Assert.Equal(0, backend.LiveSessions);
    }
}
