using System.Text.Json;
using MambaConnector.Tests.Constraints.Validation;
using MambaConnector.Tests.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Tests.ChatClient;

/// <summary>Function calls, of a model to which every token is as good as any other, and of one that knows what it wants.</summary>
public class ToolTests : ChatClientTest
{
    private static readonly AIFunctionDeclaration Weather = AIFunctionFactory.CreateDeclaration(
        "get_weather",
        "The weather at a place.",
        JsonElement.Parse("""{"type":"object","properties":{"place":{"type":"string","maxLength":8}},"required":["place"],"additionalProperties":false}"""));

    private static readonly AIFunctionDeclaration Time = AIFunctionFactory.CreateDeclaration("get_time", "The time.", JsonElement.Parse("{}"));

    private static ScriptedBackend Indifferent => new(_ => new float[TestTokenizer.VocabSize + 4], TestTokenizer.VocabSize);

    public static TheoryData<string> Templates => ["ChatML", "Granite 4.0", "Mistral v3"];

    [Theory]
    [MemberData(nameof(Templates))]
    public async Task ARequiredCallIsMade(string template)
    {
        await using MambaChatClient client = Create(Indifferent, template: Template(template));
        for (int seed = 0; seed < 10; seed++)
        {
            ChatResponse response = await client.GetResponseAsync(
                [User("a")],
                new ChatOptions
                {
                    Tools = [Weather, Time], ToolMode = ChatToolMode.RequireAny, AllowMultipleToolCalls = false, Temperature = 1, Seed = seed,
                    MaxOutputTokens = 200,
                });
            Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
            FunctionCallContent call = Assert.IsType<FunctionCallContent>(Assert.Single(Assert.Single(response.Messages).Contents));
            Assert.Contains(call.Name, (string[])["get_weather", "get_time"]);
            Assert.NotEmpty(call.CallId);
            if (call.Name == "get_weather")
            {
                JsonElement arguments = JsonSerializer.SerializeToElement(call.Arguments, AIJsonUtilities.DefaultOptions);
                Assert.True(JsonSchemaValidator.IsValid(Weather.JsonSchema, arguments, out string? why), why);
            }
        }
    }

    [Fact]
    public async Task ASpecificCallIsMade()
    {
        await using MambaChatClient client = Create(Indifferent);
        ChatResponse response = await client.GetResponseAsync(
            [User("a")],
            new ChatOptions { Tools = [Time, Weather], ToolMode = ChatToolMode.RequireSpecific("get_weather"), Temperature = 1, Seed = 1, MaxOutputTokens = 300 });
        Assert.All(
            response.Messages[0].Contents, content => Assert.Equal("get_weather", Assert.IsType<FunctionCallContent>(content).Name));
    }

    [Fact]
    public async Task SeveralCallsHaveIdsOfTheirOwn()
    {
        await using MambaChatClient client = Create(Indifferent);
        int most = 0;
        for (int seed = 0; seed < 20; seed++)
        {
            ChatResponse response = await client.GetResponseAsync(
                [User("a")],
                new ChatOptions { Tools = [Time], ToolMode = ChatToolMode.RequireAny, Temperature = 1, Seed = seed, MaxOutputTokens = 600 });
            string[] ids = [.. response.Messages[0].Contents.OfType<FunctionCallContent>().Select(call => call.CallId)];
            Assert.Equal(ids.Length, ids.Distinct().Count());
            most = Math.Max(most, ids.Length);
        }

        Assert.True(most > 1);
    }

    [Theory]
    [MemberData(nameof(Templates))]
    public async Task NoCallIsMadeWhereNoneIsWanted(string template)
    {
        await using MambaChatClient client = Create(Caller(template), template: Template(template));
        ChatResponse response = await client.GetResponseAsync(
            [User("a")], new ChatOptions { Tools = [Weather], ToolMode = ChatToolMode.None, MaxOutputTokens = 60 });
        Assert.DoesNotContain(response.Messages[0].Contents, content => content is FunctionCallContent);
        Assert.NotEqual(ChatFinishReason.ToolCalls, response.FinishReason);
    }

    [Theory]
    [MemberData(nameof(Templates))]
    public async Task ACallTheModelWantsIsParsedAndItsResultIsRead(string template)
    {
        ScriptedBackend backend = Caller(template);
        await using MambaChatClient client = Create(backend, template: Template(template));
        ChatOptions options = new() { Tools = [Weather], MaxOutputTokens = 200 };

        List<ChatResponseUpdate> updates = await client.GetStreamingResponseAsync([User("a")], options).ToListAsync();
        FunctionCallContent call = Assert.Single(updates.SelectMany(update => update.Contents).OfType<FunctionCallContent>());
        Assert.Equal("get_weather", call.Name);
        Assert.Equal("Rome", call.Arguments!["place"]!.ToString());
        Assert.Equal("Let me see.", string.Concat(updates.Select(update => update.Text)).Trim());
        ChatResponse response = updates.ToChatResponse();
        Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);

        ChatResponse? next = null;
        string read = await ReadsAsync(backend, async () => next = await client.GetResponseAsync(
            [User("a"), .. response.Messages, new ChatMessage(ChatRole.Tool, [new FunctionResultContent(call.CallId, "sunny")])], options));
        Assert.Contains("sunny", read, StringComparison.Ordinal);
        if (template != "Mistral v3")
        {
            // Mistral's template moves the declarations to the last user turn, and all is read again.
            Assert.DoesNotContain("Rome", read[..read.IndexOf("sunny", StringComparison.Ordinal)], StringComparison.Ordinal);
            Assert.True(next!.Usage!.CachedInputTokenCount > response.Usage!.InputTokenCount);
        }
    }

    [Fact]
    public async Task AConversationTakesResultsAlone()
    {
        ScriptedBackend backend = Caller("ChatML");
        await using MambaChatClient client = Create(backend);
        ChatOptions options = new() { Tools = [Weather], MaxOutputTokens = 200, ConversationId = MambaChatClient.NewConversation };
        ChatResponse first = await client.GetResponseAsync([User("a")], options);
        FunctionCallContent call = Assert.Single(first.Messages[0].Contents.OfType<FunctionCallContent>());

        options.ConversationId = first.ConversationId;
        string read = await ReadsAsync(backend, () => client.GetResponseAsync(
            [new ChatMessage(ChatRole.Tool, [new FunctionResultContent(call.CallId, "sunny")])], options));
        Assert.Contains("sunny", read, StringComparison.Ordinal);

        // The declarations were read before.
        Assert.DoesNotContain("get_weather", read[..read.IndexOf("sunny", StringComparison.Ordinal)], StringComparison.Ordinal);
    }

    [Fact]
    public async Task AJsonAnswerAndCallsShareAReply()
    {
        await using MambaChatClient client = Create(Indifferent);
        JsonElement schema = JsonElement.Parse("""{"type":"object","properties":{"ok":{"type":"boolean"}},"required":["ok"],"additionalProperties":false}""");
        bool hasCalled = false;
        bool hasAnswered = false;
        for (int seed = 0; seed < 30; seed++)
        {
            ChatResponse response = await client.GetResponseAsync(
                [User("a")],
                new ChatOptions
                {
                    Tools = [Time], ResponseFormat = ChatResponseFormat.ForJsonSchema(schema), Temperature = 1, Seed = seed, MaxOutputTokens = 200,
                });
            bool isCall = response.FinishReason == ChatFinishReason.ToolCalls;
            hasCalled |= isCall;
            hasAnswered |= !isCall;
            Assert.True(isCall ? response.Text.Length == 0 : JsonSchemaValidator.IsValid(schema, JsonElement.Parse(response.Text), out _), response.Text);
        }

        Assert.True(hasCalled && hasAnswered);
    }

    [Theory]
    [InlineData("true")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{"type":"string"}""")]
    [InlineData("""{"$ref":"#/nowhere"}""")]
    [InlineData("""{"type":"object","properties":{"a":{"not":{}}}}""")]
    public async Task OddSchemasDoNotThrow(string schema)
    {
        await using MambaChatClient client = Create(Indifferent);
        ChatResponse response = await client.GetResponseAsync(
            [User("a")],
            new ChatOptions
            {
                Tools = [AIFunctionFactory.CreateDeclaration("f", null, JsonElement.Parse(schema))], ToolMode = ChatToolMode.RequireAny,
                AllowMultipleToolCalls = false, Temperature = 1, Seed = 3, MaxOutputTokens = 100,
            });
        Assert.Equal("f", Assert.IsType<FunctionCallContent>(Assert.Single(response.Messages[0].Contents)).Name);
    }

    [Fact]
    public async Task ATemplateWithoutToolsRefusesThem()
    {
        await using MambaChatClient client = Create(Indifferent, template: ChatTemplate.Falcon3);
        Assert.Contains(
            "Falcon3",
            (await Assert.ThrowsAsync<ArgumentException>(() => client.GetResponseAsync([User("a")], new ChatOptions { Tools = [Time] }))).Message,
            StringComparison.Ordinal);
    }

    private static ChatTemplate Template(string name) =>
        name == "ChatML" ? ChatTemplate.ChatMl : name == "Mistral v3" ? ChatTemplate.MistralV3 : ChatTemplate.Granite4;

    // Says something, calls get_weather for Rome, and says more when it has read a result.
    private static ScriptedBackend Caller(string template)
    {
        string call = """{"name": "get_weather", "arguments": {"place":"Rome"}}""";
        MambaTokenizer tokenizer = TestTokenizer.Create();
        int[] script = template == "Mistral v3"
            ? [.. Marked("Let me see.", "[TOOL_CALLS]", $" [{call[..^1]}, \"id\": \"abcdefghi\"}}]"), tokenizer.EosId!.Value]
            : [.. Marked("Let me see.\n", "<tool_call>", $"\n{call}\n"), .. Marked("", "</tool_call>", ""), End(template)];
        int promptLength = -1;
        return new ScriptedBackend(
            history =>
            {
                promptLength = promptLength < 0 ? history.Count : promptLength;
                return script[Math.Clamp(history.Count - promptLength, 0, script.Length - 1)];
            },
            TestTokenizer.VocabSize);

        IEnumerable<int> Marked(string before, string marker, string after) =>
        [
            .. TestTokenizer.Tokens(before),
            .. tokenizer.TryGetId(marker, out int id) ? [id] : TestTokenizer.Tokens(marker),
            .. TestTokenizer.Tokens(after),
        ];

        int End(string name) => tokenizer.TryGetId(name == "ChatML" ? "<|im_end|>" : "<|end_of_text|>", out int id) ? id : 0;
    }
}
