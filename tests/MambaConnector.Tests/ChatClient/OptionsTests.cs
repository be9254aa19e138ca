using System.Text.Json;
using MambaConnector.Tests.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Tests.ChatClient;

/// <summary>What each member of <see cref="ChatOptions"/> does.</summary>
public class OptionsTests : ChatClientTest
{
    [Fact]
    public async Task MaxOutputTokensCutsTheReply()
    {
        using MambaChatClient client = Create(ConversationBackend.Echo());
        ChatResponse response = await client.GetResponseAsync([User("Hello")], new ChatOptions { MaxOutputTokens = 3 });
        Assert.Equal("You", response.Text);
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        Assert.Equal(3, response.Usage!.OutputTokenCount);
    }

    [Fact]
    public async Task StopSequencesEndTheReplyAndAreCut()
    {
        using MambaChatClient client = Create(ConversationBackend.Echo());
        ChatResponse response = await client.GetResponseAsync([User("Hello")], new ChatOptions { StopSequences = ["said: H"] });
        Assert.Equal("You ", response.Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
    }

    [Fact]
    public async Task TemperatureAndSeedSample()
    {
        using MambaChatClient client = Create(new ScriptedBackend(_ => new float[TestTokenizer.VocabSize + 4], TestTokenizer.VocabSize));
        ChatOptions options = new() { Temperature = 1, MaxOutputTokens = 20, Seed = 7 };

        string[] texts = [.. await Task.WhenAll(Enumerable.Range(0, 3).Select(async _ => (await client.GetResponseAsync([User("a")], options)).Text))];
        Assert.Single(texts.Distinct());
        Assert.NotEqual(texts[0], (await client.GetResponseAsync([User("a")], new ChatOptions { Temperature = 1, MaxOutputTokens = 20, Seed = 8 })).Text);

        // Without a seed two replies differ, as callers expect of a model.
        options.Seed = null;
        Assert.NotEqual(
            (await client.GetResponseAsync([User("a")], options)).Text, (await client.GetResponseAsync([User("a")], options)).Text);
    }

    // Two tokens of the same likelihood: what keeps one of them out decides.
    [Theory]
    [InlineData("TopK")]
    [InlineData("TopP")]
    [InlineData("min_p")]
    public async Task FiltersKeepTheMostLikelyToken(string option)
    {
        using MambaChatClient client = Create(Prefers('a', 'b'));
        ChatOptions options = new() { Temperature = 1, MaxOutputTokens = 60, Seed = 3 };

        Assert.Contains('b', (await client.GetResponseAsync([User("x")], options)).Text);
        switch (option)
        {
            case "TopK":
                options.TopK = 1;
                break;
            case "TopP":
                options.TopP = 0.5f;
                break;
            default:
                options.AdditionalProperties = new() { [option] = 0.9 };
                break;
        }

        Assert.Equal(new string('a', 60), (await client.GetResponseAsync([User("x")], options)).Text);
    }

    [Theory]
    [InlineData("FrequencyPenalty")]
    [InlineData("PresencePenalty")]
    [InlineData("repetition_penalty")]
    public async Task PenaltiesForbidWhatWasSaid(string option)
    {
        using MambaChatClient client = Create(Prefers('q', 'z'));
        ChatOptions options = new() { MaxOutputTokens = 2 };
        Assert.Equal("qq", (await client.GetResponseAsync([User("x")], options)).Text);
        switch (option)
        {
            case "FrequencyPenalty":
                options.FrequencyPenalty = 2;
                break;
            case "PresencePenalty":
                options.PresencePenalty = 2;
                break;
            default:
                options.AdditionalProperties = new() { [option] = JsonDocument.Parse("2").RootElement };
                break;
        }

        Assert.Equal("qz", (await client.GetResponseAsync([User("x")], options)).Text);
        options.AdditionalProperties = new() { [option] = 2, ["penalty_window"] = "0" };
        Assert.Equal("qq", (await client.GetResponseAsync([User("x")], options)).Text);
    }

    [Fact]
    public async Task PenaltiesSeeThePromptWhetherItIsReadOrNot()
    {
        using MambaChatClient client = Create(Prefers('q', 'z'));
        ChatOptions options = new() { MaxOutputTokens = 1, PresencePenalty = 2 };

        ChatResponse first = await client.GetResponseAsync([User("q")], options);
        ChatResponse second = await client.GetResponseAsync([User("q")], options);

        Assert.Equal("z", first.Text);
        Assert.Equal("z", second.Text);
        Assert.Equal(second.Usage!.InputTokenCount, second.Usage.CachedInputTokenCount);
    }

    [Fact]
    public async Task OwnGenerationOptionsComeFirstAndRequestFillsWhatIsUnset()
    {
        using MambaChatClient client = Create(ConversationBackend.Echo());
        ChatOptions options = new()
        {
            MaxOutputTokens = 3,
            StopSequences = ["u"],
            RawRepresentationFactory = _ => new GenerationOptions { MaxTokens = 6 },
        };
        Assert.Equal("Yo", (await client.GetResponseAsync([User("Hello")], options)).Text);
        options.StopSequences = null;
        Assert.Equal("You sa", (await client.GetResponseAsync([User("Hello")], options)).Text);
        options.RawRepresentationFactory = _ => null;
        Assert.Equal("You", (await client.GetResponseAsync([User("Hello")], options)).Text);
    }

    [Fact]
    public async Task ClientsDefaultsFillWhatTheRequestLeavesOpen()
    {
        using MambaChatClient client = Create(
            ConversationBackend.Echo(), new MambaChatClientOptions { Generation = new GenerationOptions { MaxTokens = 4 } });
        Assert.Equal("You ", (await client.GetResponseAsync([User("Hello")])).Text);
        Assert.Equal("You s", (await client.GetResponseAsync([User("Hello")], new ChatOptions { MaxOutputTokens = 5 })).Text);
    }

    [Fact]
    public async Task WhatHasNoMeaningHereIsAccepted()
    {
        using MambaChatClient client = Create(ConversationBackend.Echo(), new MambaChatClientOptions { ModelId = "m" });
        ChatOptions options = new()
        {
            ModelId = "m",
            AllowBackgroundResponses = true,
            Reasoning = new ReasoningOptions { Effort = ReasoningEffort.None },
            ResponseFormat = ChatResponseFormat.Text,
            ToolMode = ChatToolMode.Auto,
            AdditionalProperties = new() { ["long_context_policy"] = "none", ["min_p"] = null },
        };
        Assert.Equal("You said: a", (await client.GetResponseAsync([User("a")], options)).Text);
    }

    public static TheoryData<string, ChatOptions> Refused { get; } = new()
    {
        { "ModelId", new ChatOptions { ModelId = "other" } },
        { "Reasoning", new ChatOptions { Reasoning = new ReasoningOptions { Effort = ReasoningEffort.High } } },
        { "long_context_policy", new ChatOptions { AdditionalProperties = new() { ["long_context_policy"] = "restart" } } },
        { "long_context_policy", new ChatOptions { AdditionalProperties = new() { ["long_context_policy"] = 4096 } } },
        { "names a file", new ChatOptions { AdditionalProperties = new() { ["long_context_policy"] = "filter:table.json" } } },
        { "names a file", new ChatOptions { AdditionalProperties = new() { ["long_context_policy"] = "delta:scales.json" } } },
        { "names a file", new ChatOptions { AdditionalProperties = new() { ["long_context_policy"] = "norm:baseline.json,1" } } },
        { "training length", new ChatOptions { AdditionalProperties = new() { ["long_context_policy"] = LongContextPolicy.Auto } } },
        { "1 layers", new ChatOptions { AdditionalProperties = new() { ["long_context_policy"] = "delta:0.5,0.5" } } },
        { "min_p", new ChatOptions { AdditionalProperties = new() { ["min_p"] = "much" } } },
        { "MinP", new ChatOptions { AdditionalProperties = new() { ["min_p"] = float.NaN } } },
        { "penalty_window", new ChatOptions { AdditionalProperties = new() { ["penalty_window"] = 2.5 } } },
        { "penalty_window", new ChatOptions { AdditionalProperties = new() { ["penalty_window"] = double.NaN } } },
        { "PenaltyWindow", new ChatOptions { AdditionalProperties = new() { ["penalty_window"] = -1 } } },
        { "RawRepresentationFactory", new ChatOptions { RawRepresentationFactory = _ => "text" } },
        { "Tools", new ChatOptions { Tools = [new HostedWebSearchTool()] } },
        { "ToolMode", new ChatOptions { ToolMode = ChatToolMode.RequireAny } },
        { "TopP", new ChatOptions { TopP = 2 } },
        { "Temperature", new ChatOptions { Temperature = -1 } },
        { "MaxTokens", new ChatOptions { MaxOutputTokens = 0 } },
        { "stop sequence", new ChatOptions { StopSequences = [""] } },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task WhatCannotBeHonouredIsRefusedByName(string name, ChatOptions options)
    {
        ScriptedBackend backend = ConversationBackend.Echo();
        using MambaChatClient client = Create(backend);
        ArgumentException exception = await Assert.ThrowsAnyAsync<ArgumentException>(() => client.GetResponseAsync([User("a")], options));
        Assert.Contains(name, exception.Message, StringComparison.OrdinalIgnoreCase);
        Assert.Equal(0, backend.Evaluations);
    }

    // A model that always says the first, and almost as gladly the second.
    private static ScriptedBackend Prefers(char first, char second)
    {
        float[] row = ScriptedBackend.Prefer(TestTokenizer.FirstByte + first, TestTokenizer.VocabSize + 4);
        row[TestTokenizer.FirstByte + second] = 9;
        return new ScriptedBackend(_ => row, TestTokenizer.VocabSize);
    }
}
