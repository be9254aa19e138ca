using System.Text.Json;
using MambaConnector.Conformance.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Conformance.Provider;

/// <summary>Replies that fit a schema: always, for the decoding allows nothing else.</summary>
public sealed class StructuredOutputTests(ModelFixture fixture) : ProviderTests(fixture)
{
    [Fact]
    public async Task GetResponseAsync_StructuredOutput()
    {
        Person person = await Client.GetTypedResponseAsync<Person>("Tom Miller is a baker of 35 years from Cardiff. Who is he?", Brief(64));

        Assert.InRange(person.AgeInYears, 0, 150);
        Assert.True(Enum.IsDefined(person.Job));
    }

    [Fact]
    public async Task GetResponseAsync_StructuredOutputArray()
    {
        Person[] people = await Client.GetTypedResponseAsync<Person[]>("Name the people: Tom, a baker, and Ann, a sailor.", Brief(96));

        Assert.All(people, person => Assert.InRange(person.AgeInYears, 0, 150));
    }

    [Fact]
    public async Task GetResponseAsync_StructuredOutputInteger() =>
        await Client.GetTypedResponseAsync<int>("There were 14, and we added one. How many?", Brief());

    [Fact]
    public async Task GetResponseAsync_StructuredOutputString() =>
        Assert.NotNull(await Client.GetTypedResponseAsync<string>("The baker is Tom Miller. What is his full name?", Brief()));

    [Fact]
    public Task GetResponseAsync_StructuredOutputBool_True() => AssertSaysAsync("Tom is a baker. Is there a baker?", true);

    [Fact]
    public Task GetResponseAsync_StructuredOutputBool_False() => AssertSaysAsync("Tom is a baker. Is he a doctor?", false);

    [Fact]
    public async Task GetResponseAsync_StructuredOutputEnum() =>
        Assert.True(Enum.IsDefined(await Client.GetTypedResponseAsync<Job>("Tom bakes bread. What is his job?", Brief())));

    [Fact]
    public async Task GetResponseAsync_StructuredOutput_WithFunctions()
    {
        Person expected = new() { FullName = "Tom Miller", AgeInYears = 35, HomeTown = "Cardiff", Job = Job.Baker };
        List<int> asked = [];
        ChatOptions options = Brief(96);
        options.ToolMode = ChatToolMode.RequireAny;
        options.ResponseFormat = ChatResponseFormat.ForJsonSchema(TypedResponses.SchemaOf<Person>());
        options.Tools =
        [
            AIFunctionFactory.Create(
                (int personId) =>
                {
                    asked.Add(personId);
                    return expected;
                },
                new AIFunctionFactoryOptions { Name = "GetPersonById", JsonSchemaCreateOptions = TypedResponses.SchemaOptions }),
        ];
        FunctionLoop loop = new(Client);
        Person person = TypedResponses.Read<Person>(await loop.GetResponseAsync("Who is the person with the id 123?", options));

        Assert.NotEmpty(asked);
        Assert.Equal(asked.Count, loop.Results.Count);
        Assert.NotSame(expected, person);
        Assert.InRange(person.AgeInYears, 0, 150);
    }

    [Fact]
    public async Task GetResponseAsync_StructuredOutput_NonNative()
    {
        // The schema is told, not enforced: any object may come.
        ChatOptions options = Brief(64);
        options.ResponseFormat = ChatResponseFormat.Json;
        ChatResponse response = await Client.GetResponseAsync(
            [
                new(ChatRole.System, $"Reply with a JSON value of this schema: {TypedResponses.SchemaOf<Person>().GetRawText()}"),
                new(ChatRole.User, "Describe Tom Miller, a baker from Cardiff."),
            ],
            options);

        Assert.Contains(JsonElement.Parse(response.Text).ValueKind, new[] { JsonValueKind.Object, JsonValueKind.Array });
    }

    // A model that knows nothing may answer either way; what it says is a Boolean. Where the schema leaves one answer, it gives that.
    private async Task AssertSaysAsync(string question, bool expected)
    {
        await Client.GetTypedResponseAsync<bool>(question, Brief());

        ChatOptions options = Brief();
        string answer = expected ? "true" : "false";
        options.ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonElement.Parse(
            $$"""{"type":"object","properties":{"data":{"const":{{answer}} } },"required":["data"],"additionalProperties":false}"""));
        Assert.Equal(expected, TypedResponses.Read<bool>(await Client.GetResponseAsync(question, options)));
    }
}
