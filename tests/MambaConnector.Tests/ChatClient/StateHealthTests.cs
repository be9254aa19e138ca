using System.Text.Json;
using MambaConnector.Tests.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Tests.ChatClient;

/// <summary>A chat client that watches the states of its requests.</summary>
public sealed class StateHealthTests : ChatClientTest
{
    private static readonly LongContextPolicy Window = LongContextPolicy.RestartWindow(64);

    private static readonly CollapseMonitorOptions Often = new()
    {
        IntervalTokens = 64,
        TrainingLength = 64,
        Baseline = new StateBaseline("scripted", 64, 64, "made", [new LayerBaseline([1], [0.5f], [1])]),
    };

    private readonly ScriptedBackend _backend = ConversationBackend.Echo();

    [Fact]
    public async Task TheLastReportIsInTheResponse()
    {
        _backend.Norm = (tokens, _) => tokens.Count <= 64 ? 1 : 3;
        using MambaChatClient client = Create(_backend, new MambaChatClientOptions { CollapseMonitor = Often });
        ChatResponse brief = await client.GetResponseAsync([User("a")]);
        Assert.Null(brief.AdditionalProperties);
        ChatResponse response = await client.GetResponseAsync([User(new string('a', 100))]);
        Assert.Equal("You said: " + new string('a', 100), response.Text);
        CollapseReport report = Assert.IsType<CollapseReport>(response.AdditionalProperties![MambaChatClient.StateHealth]);
        Assert.Equal((CollapseLevel.Watch, CollapseRule.NormRatio, 3), (report.Level, report.Rule, report.NormRatio));
        Assert.InRange(report.Position, 128, response.Usage!.TotalTokenCount!.Value);
    }

    [Fact]
    public async Task WithoutAMonitorNothingIsMeasured()
    {
        _backend.Norm = (_, _) => throw new InvalidOperationException("measured");
        using MambaChatClient client = Create(_backend);
        Assert.Null((await client.GetResponseAsync([User(new string('a', 300))])).AdditionalProperties);
    }

    [Fact]
    public async Task APolicyIsSwitchedToInTheMiddleOfAReply()
    {
        _backend.Norm = (tokens, policy) => tokens.Count <= 64 || policy != LongContextPolicy.None ? 1 : 5;
        List<LongContextPolicy> set = [];
        _backend.SettingPolicy = set.Add;
        MemoryConversationStore store = new();
        MambaChatClientOptions options = new() { CollapseMonitor = Often with { Action = CollapseAction.SwitchPolicy(Window) } };
        using MambaChatClient client = Create(_backend, options, store);
        ChatResponse first = await client.GetResponseAsync(
            [User(new string('a', 100))], new ChatOptions { ConversationId = MambaChatClient.NewConversation });
        Assert.Equal("You said: " + new string('a', 100), first.Text);
        Assert.Equal([Window], set);
        Assert.Equal(CollapseLevel.Healthy, ((CollapseReport)first.AdditionalProperties![MambaChatClient.StateHealth]!).Level);

        // The conversation that was kept has the policy.
        ChatResponse second = await client.GetResponseAsync([User("b")], new ChatOptions { ConversationId = first.ConversationId });
        Assert.Equal("You said: b", second.Text);
        Assert.Equal([Window], set);
    }

    [Fact]
    public async Task AConversationWhosePolicyWasSwitchedFindsItsStateAndNobodyElseDoes()
    {
        _backend.Norm = (tokens, policy) => tokens.Count <= 64 || policy != LongContextPolicy.None ? 1 : 5;
        using MambaChatClient client = Create(
            _backend, new MambaChatClientOptions { CollapseMonitor = Often with { Action = CollapseAction.SwitchPolicy(Window) } });
        ChatMessage question = User(new string('a', 100));
        ChatResponse first = await client.GetResponseAsync([question]);
        long read = first.Usage!.TotalTokenCount!.Value;
        ChatMessage[] both = [question, .. first.Messages, User("b")];

        ChatOptions window = new() { AdditionalProperties = new AdditionalPropertiesDictionary { ["long_context_policy"] = Window } };
        Assert.Equal(0, (await client.GetResponseAsync(both, window)).Usage!.CachedInputTokenCount);
        Assert.InRange((await client.GetResponseAsync(both)).Usage!.CachedInputTokenCount!.Value, read - 1, read);
    }

    [Fact]
    public async Task WhereThePolicyIsSwitchedDoesNotDependOnTheBatch()
    {
        // One batch takes the whole prompt, of which 64 tokens are what the model was trained on.
        _backend.Norm = (tokens, policy) => tokens.Count <= 64 || policy != LongContextPolicy.None ? 1 : 5;
        ScriptedBackend wide = new(_ => TestTokenizer.ImEnd, TestTokenizer.VocabSize) { MaxBatchTokens = 1024, Norm = _backend.Norm };
        List<long> measured = [];
        wide.Norm = (tokens, policy) =>
        {
            measured.Add(tokens.Count);
            return _backend.Norm(tokens, policy);
        };
        using MambaChatClient client = Create(
            wide, new MambaChatClientOptions { CollapseMonitor = Often with { IntervalTokens = 128, Action = CollapseAction.SwitchPolicy(Window) } });
        ChatResponse response = await client.GetResponseAsync([User(new string('a', 500))]);
        Assert.Equal(Enumerable.Range(1, (int)response.Usage!.InputTokenCount!.Value / 128).Select(index => index * 128L), measured);
    }

    [Fact]
    public async Task AResponseWithAReportIsSerialized()
    {
        _backend.Norm = (tokens, _) => tokens.Count <= 64 ? 1 : float.PositiveInfinity;
        using MambaChatClient client = Create(_backend, new MambaChatClientOptions { CollapseMonitor = Often });
        ChatResponse response = await client.GetResponseAsync([User(new string('a', 100))]);
        string json = JsonSerializer.Serialize(response, AIJsonUtilities.DefaultOptions);
        using JsonDocument document = JsonDocument.Parse(json);
        JsonElement health = document.RootElement.GetProperty("additionalProperties").GetProperty(MambaChatClient.StateHealth);
        Assert.Equal("Infinity", health.GetProperty("normRatio").GetString());
        Assert.False(health.TryGetProperty("lossRatio", out JsonElement loss) && loss.ValueKind != JsonValueKind.Null);
    }

    [Fact]
    public void APolicyThatADeviceDoesNotHaveIsRefusedAtOnce()
    {
        LongContextPolicy difference = LongContextPolicy.DifferenceWindow(128);
        ScriptedBackend device = new(_ => 0, TestTokenizer.VocabSize) { Device = "cuda:0" };
        Assert.Throws<NotSupportedException>(() => Create(device, new MambaChatClientOptions { LongContextPolicy = difference }));
        Assert.Throws<NotSupportedException>(
            () => Create(device, new MambaChatClientOptions { CollapseMonitor = Often with { Action = CollapseAction.SwitchPolicy(difference) } }));
        using MambaChatClient client = Create(device, new MambaChatClientOptions { LongContextPolicy = Window, CollapseMonitor = Often });
    }

    [Fact]
    public void WhatAClientCannotDoRightlyItRefuses()
    {
        Assert.Contains("summary", Refuse(Often with { Action = CollapseAction.ResetAndReinject("so far") }), StringComparison.Ordinal);
        Assert.Contains("multiple of 64", Refuse(Often with { IntervalTokens = 1 }), StringComparison.Ordinal);
        Assert.Contains("training length", Refuse(Often with { TrainingLength = null, Baseline = null }), StringComparison.Ordinal);

        string Refuse(CollapseMonitorOptions options) =>
            Assert.ThrowsAny<ArgumentException>(() => Create(_backend, new MambaChatClientOptions { CollapseMonitor = options })).Message;
    }
}
