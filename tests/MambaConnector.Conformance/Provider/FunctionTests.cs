using System.ComponentModel.DataAnnotations;
using System.Globalization;
using MambaConnector.Conformance.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Conformance.Provider;

/// <summary>Calls of functions. A small model does not know when to call one, so it is told to; what it then writes is a call with
/// arguments that fit, because the decoding allows nothing else.</summary>
public sealed class FunctionTests(ModelFixture fixture) : ProviderTests(fixture)
{
    [Fact]
    public async Task FunctionInvocation_AutomaticallyInvokeFunction_Parameterless()
    {
        FunctionLoop loop = new(Client);
        ChatResponse response = await loop.GetResponseAsync(
            "What is the secret number?", Required(AIFunctionFactory.Create(() => 42, "GetSecretNumber")));

        Assert.All(loop.Results, result => Assert.Equal("42", result.Result?.ToString()));
        Assert.NotEmpty(loop.Results);
        Assert.NotEmpty(response.Text);
    }

    [Fact]
    public Task FunctionInvocation_AutomaticallyInvokeFunction_WithParameters_NonStreaming() => MultipliesAsync(streams: false);

    [Fact]
    public Task FunctionInvocation_AutomaticallyInvokeFunction_WithParameters_Streaming() => MultipliesAsync(streams: true);

    [Fact]
    public async Task FunctionInvocation_OptionalParameter()
    {
        List<string> ids = [];
        FunctionLoop loop = new(Client);
        await loop.GetResponseAsync(
            "What is the secret number for the id foo?", Required(AIFunctionFactory.Create(
                ([StringLength(12)] string id = "nobody") =>
                {
                    ids.Add(id);
                    return id == "foo" ? 42 : -1;
                },
                "GetSecretNumberById")));

        Assert.NotEmpty(ids);
        Assert.Equal(ids.Count, loop.Results.Count);
    }

    [Fact]
    public async Task FunctionInvocation_NestedParameters()
    {
        List<Person> people = [];
        FunctionLoop loop = new(Client);
        await loop.GetResponseAsync(
            "What is the secret number for Tom, a baker of 19 years?", Required(AIFunctionFactory.Create(
                (Person person) =>
                {
                    people.Add(person);
                    return person.AgeInYears;
                },
                "GetSecretNumberByPerson")));

        Assert.NotEmpty(people);
        Assert.All(people, person => Assert.InRange(person.AgeInYears, 0, 150));
    }

    [Fact]
    public async Task FunctionInvocation_ArrayParameter()
    {
        List<(string[] Items, string Shopper)> calls = [];
        FunctionLoop loop = new(Client);
        await loop.GetResponseAsync(
            "Put bacon and tomatoes into Peter's cart.", Required(AIFunctionFactory.Create(
                ([Length(1, 3)] string[] items, [StringLength(12)] string shopperId) => calls.Add((items, shopperId)),
                "AddItemsToShoppingCart")));

        Assert.NotEmpty(calls);
        Assert.All(calls, call => Assert.InRange(call.Items.Length, 1, 3));
        Assert.All(calls, call => Assert.InRange(call.Shopper.Length, 0, 12));
    }

    [Fact]
    public async Task FunctionInvocation_SupportsMultipleParallelRequests()
    {
        AIFunction getAge = AIFunctionFactory.Create(
            ([AllowedValues("Elsa", "Anna")] string personName) => personName == "Elsa" ? 21 : 18,
            new AIFunctionFactoryOptions { Name = "GetPersonAge", JsonSchemaCreateOptions = TypedResponses.SchemaOptions });

        // Two calls in one message, answered in the other order.
        List<ChatMessage> messages =
        [
            new(ChatRole.User, "How much older is Elsa than Anna?"),
            new(ChatRole.Assistant,
            [
                new FunctionCallContent("1", "GetPersonAge", new Dictionary<string, object?> { ["personName"] = "Elsa" }),
                new FunctionCallContent("2", "GetPersonAge", new Dictionary<string, object?> { ["personName"] = "Anna" }),
            ]),
            new(ChatRole.Tool, [new FunctionResultContent("2", 18), new FunctionResultContent("1", 21)]),
        ];
        ChatOptions options = Required(getAge);
        options.ToolMode = ChatToolMode.None;
        ChatResponse reply = await Client.GetResponseAsync(messages, options);
        Assert.NotEmpty(reply.Text);

        // As many calls as the model likes, each whole and under an id of its own: with one of a few seeds, several in one reply. Where
        // several are not wanted there is one.
        int[] several = await CountCallsAsync(getAge, allowsMultiple: true);
        int[] single = await CountCallsAsync(getAge, allowsMultiple: false);
        Assert.All(several, count => Assert.InRange(count, 1, int.MaxValue));
        Assert.Contains(several, count => count > 1);
        Assert.All(single, count => Assert.Equal(1, count));
    }

    [Fact]
    public async Task FunctionInvocation_RequireAny()
    {
        int calls = 0;
        await new FunctionLoop(Client).GetResponseAsync(
            "Are birds real?", Required(AIFunctionFactory.Create(() => ++calls, "GetSecretNumber")));

        Assert.InRange(calls, 1, int.MaxValue);
    }

    [Fact]
    public async Task FunctionInvocation_RequireSpecific()
    {
        bool isShielded = false;
        ChatOptions options = Required(
            AIFunctionFactory.Create(() => 123, "GetSecretNumber"), AIFunctionFactory.Create(() => isShielded = true, "ShieldsUp"));
        options.ToolMode = ChatToolMode.RequireSpecific("ShieldsUp");
        FunctionLoop loop = new(Client);
        await loop.GetResponseAsync("What is the secret number?", options);

        Assert.True(isShielded);
        Assert.All(
            loop.Added.SelectMany(message => message.Contents).OfType<FunctionCallContent>(), call => Assert.Equal("ShieldsUp", call.Name));
    }

    private static ChatOptions Required(params AITool[] tools)
    {
        ChatOptions options = Brief(72);
        options.Tools = tools;
        options.ToolMode = ChatToolMode.RequireAny;
        return options;
    }

    private Task<int[]> CountCallsAsync(AIFunction function, bool allowsMultiple) =>
        Task.WhenAll(Enumerable.Range(1, 8).Select(seed => CountCallsAsync(function, allowsMultiple, seed)));

    private async Task<int> CountCallsAsync(AIFunction function, bool allowsMultiple, long seed)
    {
        ChatOptions options = Required(function);
        options.Seed = seed;
        options.MaxOutputTokens = 160;
        options.Temperature = 5; // so hot that one more call is about as likely as none
        options.AllowMultipleToolCalls = allowsMultiple;
        ChatResponse response = await Client.GetResponseAsync("How much older is Elsa than Anna?", options);
        FunctionCallContent[] calls = [.. response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>()];
        Assert.Equal(calls.Length, calls.Select(call => call.CallId).Distinct().Count());
        Assert.All(calls, call => Assert.True(call.Arguments?["personName"]?.ToString() is "Elsa" or "Anna"));
        return calls.Length;
    }

    private async Task MultipliesAsync(bool streams)
    {
        List<string> products = [];
        FunctionLoop loop = new(Client);
        ChatResponse response = await loop.GetResponseAsync(
            "What is 42 times 84?", Required(AIFunctionFactory.Create(
                ([Range(0, 999)] int a, [Range(0, 999)] int b) =>
                {
                    products.Add((a * b).ToString(CultureInfo.InvariantCulture));
                    return a * b;
                },
                "SecretComputation")),
            streams);

        Assert.NotEmpty(products);
        Assert.Equal(products, loop.Results.Select(result => result.Result?.ToString()));
        Assert.NotEmpty(response.Text);
    }
}
