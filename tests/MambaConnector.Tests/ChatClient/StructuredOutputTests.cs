using System.Text.Json;
using MambaConnector.Tests.Constraints.Validation;
using MambaConnector.Tests.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Tests.ChatClient;

/// <summary>Replies that must be JSON, of a model to which every token is as good as any other.</summary>
public class StructuredOutputTests : ChatClientTest
{
    private const string Person =
        """
        {
          "type": "object",
          "properties": {
            "name": { "type": "string", "minLength": 1, "maxLength": 10 },
            "age": { "type": "integer", "minimum": 0, "maximum": 150 },
            "friends": { "type": "array", "items": { "$ref": "#" }, "maxItems": 2 },
            "mood": { "enum": ["good", "bad", null] }
          },
          "required": ["name", "age"],
          "additionalProperties": false
        }
        """;

    private static ScriptedBackend Indifferent => new(_ => new float[TestTokenizer.VocabSize + 4], TestTokenizer.VocabSize);

    [Fact]
    public async Task AnyBudgetThatIsEnoughGivesAWholeObject()
    {
        await using MambaChatClient client = Create(Indifferent);
        for (int budget = 2; budget < 60; budget += 3)
        {
            ChatResponse response = await client.GetResponseAsync(
                [User("a")], new ChatOptions { ResponseFormat = ChatResponseFormat.Json, MaxOutputTokens = budget, Temperature = 1, Seed = budget });
            using JsonDocument document = JsonDocument.Parse(response.Text);
            Assert.Equal(JsonValueKind.Object, document.RootElement.ValueKind);
            Assert.InRange(response.Usage!.OutputTokenCount!.Value, 1, budget);
        }
    }

    [Fact]
    public async Task ASchemaIsObeyed()
    {
        await using MambaChatClient client = Create(Indifferent);
        JsonElement schema = JsonElement.Parse(Person);
        ChatResponse[] responses = await Task.WhenAll(Enumerable.Range(0, 40).Select(seed => client.GetResponseAsync(
            [User("a")],
            new ChatOptions
            {
                ResponseFormat = ChatResponseFormat.ForJsonSchema(schema), MaxOutputTokens = 24 + (7 * seed), Temperature = 1, Seed = seed,
            })));
        foreach (ChatResponse response in responses)
        {
            using JsonDocument document = JsonDocument.Parse(response.Text);
            Assert.True(JsonSchemaValidator.IsValid(schema, document.RootElement, out string? why), $"{response.Text}: {why}");
            Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        }
    }

    [Fact]
    public async Task ABudgetThatCannotHoldItIsRefused()
    {
        ScriptedBackend backend = Indifferent;
        await using MambaChatClient client = Create(backend);
        ArgumentException exception = await Assert.ThrowsAsync<ArgumentException>(() => client.GetResponseAsync(
            [User("a")], new ChatOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonElement.Parse(Person)), MaxOutputTokens = 5 }));
        Assert.Contains("MaxOutputTokens", exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, backend.Evaluations);
    }

    [Fact]
    public async Task WhatASchemaCannotAskForIsNamed()
    {
        await using MambaChatClient client = Create(Indifferent);
        ArgumentException exception = await Assert.ThrowsAsync<ArgumentException>(() => client.GetResponseAsync(
            [User("a")], new ChatOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonElement.Parse("""{"type":"object","not":{}}""")) }));
        Assert.Contains("not", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AReplyInJsonStreamsAsText()
    {
        await using MambaChatClient client = Create(Indifferent);
        List<ChatResponseUpdate> updates = await client.GetStreamingResponseAsync(
            [User("a")],
            new ChatOptions
            {
                ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonElement.Parse("""{"enum":["yes","no"]}""")), Temperature = 1, Seed = 1,
            }).ToListAsync();
        Assert.Contains(string.Concat(updates.Select(update => update.Text)), (string[])["\"yes\"", "\"no\""]);
    }
}
