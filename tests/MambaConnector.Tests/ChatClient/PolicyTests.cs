using MambaConnector.Tests.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Tests.ChatClient;

/// <summary>Which long-context policy a request has.</summary>
public sealed class PolicyTests : ChatClientTest
{
    private static readonly LongContextPolicy Window = LongContextPolicy.RestartWindow(64);

    private readonly ScriptedBackend _backend = ConversationBackend.Echo();
    private readonly List<LongContextPolicy> _set = [];

    public PolicyTests() => _backend.SettingPolicy = _set.Add;

    [Fact]
    public async Task TheModelsIsTakenWhereNothingElseIsSaid()
    {
        using MambaChatClient client = Create(_backend, modelOptions: new MambaModelOptions { LongContextPolicy = Window });
        Assert.Equal("You said: a", (await client.GetResponseAsync([User("a")])).Text);
        Assert.Equal([Window], _set);
    }

    [Fact]
    public async Task TheClientsComesBeforeTheModels()
    {
        using MambaChatClient client = Create(
            _backend, new MambaChatClientOptions { LongContextPolicy = LongContextPolicy.None },
            modelOptions: new MambaModelOptions { LongContextPolicy = Window });
        await client.GetResponseAsync([User("a")]);
        Assert.Empty(_set);
    }

    [Fact]
    public async Task TheRequestsComesBeforeTheClients()
    {
        using MambaChatClient client = Create(_backend, new MambaChatClientOptions { LongContextPolicy = Window });
        await client.GetResponseAsync([User("a")], Options("window:128"));
        await client.GetResponseAsync([User("b")], Options(LongContextPolicy.ForgetMore(0.5f)));
        await client.GetResponseAsync([User("c")], Options("none"));
        Assert.Equal([LongContextPolicy.RestartWindow(128), LongContextPolicy.ForgetMore(0.5f)], _set);
    }

    [Fact]
    public async Task AutoIsTheWindowOfTheModel()
    {
        using MambaChatClient client = Create(
            _backend, new MambaChatClientOptions { LongContextPolicy = LongContextPolicy.Auto },
            modelOptions: new MambaModelOptions { TrainingLength = 300 });
        await client.GetResponseAsync([User("a")]);
        Assert.Equal([LongContextPolicy.RestartWindow(128)], _set);
    }

    [Fact]
    public void AClientIsNotMadeWithAPolicyThatDoesNotFitItsModel()
    {
        Assert.Contains(
            "training length",
            Assert.Throws<ArgumentException>(
                () => Create(_backend, new MambaChatClientOptions { LongContextPolicy = LongContextPolicy.Auto })).Message,
            StringComparison.Ordinal);
        TokenFilterTable table = new(10, [new TokenFilterRow(20, [[1, 1]])]);
        Assert.Contains(
            "thresholds",
            Assert.Throws<ArgumentException>(
                () => Create(_backend, new MambaChatClientOptions { LongContextPolicy = LongContextPolicy.TokenFilter(table) })).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task AFilterIsThatOfEachPromptsLength()
    {
        const string Long = "a message of more tokens than that";
        TokenFilterTable table = new(40, [new TokenFilterRow(100, [[0.5f]]), new TokenFilterRow(200, [[0.75f]])]);
        using MambaChatClient client = Create(_backend, new MambaChatClientOptions { LongContextPolicy = LongContextPolicy.TokenFilter(table) });

        ChatResponse within = await client.GetResponseAsync([User("a")]);
        ChatResponse beyond = await client.GetResponseAsync([User(Long)]);

        Assert.InRange(within.Usage!.InputTokenCount!.Value, 1, 40);
        Assert.InRange(beyond.Usage!.InputTokenCount!.Value, 41, 100);
        Assert.Equal([new TokenFilterPolicy([[0.5f]], beyond.Usage.InputTokenCount.Value)], _set);
    }

    [Fact]
    public async Task AStateThatWasReadUnderAnotherPolicyIsNotTaken()
    {
        using MambaChatClient client = Create(_backend);
        ChatResponse plain = await client.GetResponseAsync([User("Hello")]);
        ChatResponse windowed = await client.GetResponseAsync([User("Hello")], Options("window:64"));
        ChatResponse again = await client.GetResponseAsync([User("Hello")], Options(Window));
        ChatResponse next = await client.GetResponseAsync([User("Hello"), .. plain.Messages, User("More")]);

        Assert.Equal(0, windowed.Usage!.CachedInputTokenCount);
        Assert.Equal(again.Usage!.InputTokenCount, again.Usage.CachedInputTokenCount);
        Assert.Equal(plain.Usage!.InputTokenCount + "You said: Hello".Length, next.Usage!.CachedInputTokenCount);
    }

    [Fact]
    public async Task AKeptConversationGoesOnWithItsOwn()
    {
        MemoryConversationStore store = new();
        string id;
        using (MambaChatClient client = Create(_backend, new MambaChatClientOptions { LongContextPolicy = Window }, store))
        {
            ChatOptions options = new() { ConversationId = MambaChatClient.NewConversation };
            id = (await client.GetResponseAsync([User("Hello")], options)).ConversationId!;
        }

        _set.Clear();
        using MambaChatClient other = Create(_backend, new MambaChatClientOptions { LongContextPolicy = LongContextPolicy.ForgetMore(0.5f) }, store);
        ChatResponse next = await other.GetResponseAsync([User("More")], new ChatOptions { ConversationId = id });
        Assert.Equal("You said: More", next.Text);
        Assert.Empty(_set);
        Assert.Equal(Window, await KeptAsync(next));

        // Until a request says otherwise; what follows keeps that.
        ChatOptions another = Options("window:128");
        another.ConversationId = next.ConversationId;
        ChatResponse changed = await other.GetResponseAsync([User("More")], another);
        Assert.Equal([LongContextPolicy.RestartWindow(128)], _set);
        ChatResponse last = await other.GetResponseAsync([User("More")], new ChatOptions { ConversationId = changed.ConversationId });
        Assert.Equal(LongContextPolicy.RestartWindow(128), await KeptAsync(last));
        Assert.Equal(Window, await KeptAsync(next));

        async Task<LongContextPolicy> KeptAsync(ChatResponse response)
        {
            (_, ReadOnlyMemory<byte> state) = ConversationState.Read((await store.LoadAsync(response.ConversationId!))!.Value);
            return _backend.LoadSession(state.Span).Info.Policy;
        }
    }

    [Fact]
    public async Task APolicyThatTheDeviceDoesNotHaveFailsTheRequestAlone()
    {
        _backend.SettingPolicy = _ => throw new NotSupportedException("Not on this device.");
        using (MambaChatClient client = Create(_backend))
        {
            Assert.Equal(
                "Not on this device.",
                (await Assert.ThrowsAsync<NotSupportedException>(() => client.GetResponseAsync([User("a")], Options("window:64")))).Message);
            Assert.Equal("You said: a", (await client.GetResponseAsync([User("a")])).Text);
        }

        Assert.Equal(0, _backend.LiveSessions);
    }

    private static ChatOptions Options(object policy) => new() { AdditionalProperties = new() { ["long_context_policy"] = policy } };
}
