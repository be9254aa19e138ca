using System.Reflection;
using System.Text.Json;
using MambaConnector.Conformance.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Conformance.Provider;

/// <summary>Functions whose parameters have schemas of every shape that .NET types and other tool servers give.</summary>
public sealed class AvailableToolsTests(ModelFixture fixture) : ProviderTests(fixture)
{
    private static readonly string[] Schemas =
    [
        """{"type":"object","properties":{},"additionalProperties":false,"$schema":"http://json-schema.org/draft-07/schema#"}""",
        """{}""",
        """true""",
        """{"type":"object"}""",
        """{"type":"object","properties":{"seconds":{"type":"number","default":10,"description":"How long"},"steps":{"type":"number"}}}""",
        """{"properties":{"side":{"enum":["LEFT","RIGHT"],"type":"string"},"line":{"type":"number"}},"required":["line"]}""",
        """{"type":"object","properties":{"when":{"type":"string","format":"date-time"},"mail":{"type":"string","format":"email"}}}""",
        """
        {"type":"object","properties":{"tree":{"$ref":"#/$defs/node"}},
         "$defs":{"node":{"type":"object","properties":{"left":{"$ref":"#/$defs/node"}}}}}
        """,
        """
        {"type":"object","properties":{"a":{"type":["string","null"],"pattern":"^(?=x)(?<n>x)\\k<n>$"}},
         "patternProperties":{"^x-":{"type":"string"}}}
        """,
        """
        {"type":"object","properties":{"a":{"not":{"type":"string"}}},
         "if":{"required":["a"]},"then":{"required":["b"]},"x-vendor":{"anything":1}}
        """,
        """{"type":"object","properties":{"a":{"$ref":"https://example.com/elsewhere.json"}},"unevaluatedProperties":false}""",
    ];

    [Fact]
    public Task AvailableTools_SchemasAreAccepted_Strict() => AssertAreAcceptedAsync(isStrict: true);

    [Fact]
    public Task AvailableTools_SchemasAreAccepted_NonStrict() => AssertAreAcceptedAsync(isStrict: false);

    private async Task AssertAreAcceptedAsync(bool isStrict)
    {
        int count = 0;
        Dictionary<string, object?>? strict = isStrict ? new() { ["strict"] = true } : null;
        AIFunctionFactoryOptions Next() => new() { Name = $"Method{++count}", AdditionalProperties = strict };
        List<AITool> tools =
        [
            AIFunctionFactory.Create((int? value) => value, Next()),
            AIFunctionFactory.Create((string? value) => value, Next()),
            AIFunctionFactory.Create((int? value = null) => value, Next()),
            AIFunctionFactory.Create((bool value) => value, Next()),
            AIFunctionFactory.Create((double value) => value, Next()),
            AIFunctionFactory.Create((decimal value) => value, Next()),
            AIFunctionFactory.Create((long value) => value, Next()),
            AIFunctionFactory.Create((char value) => value, Next()),
            AIFunctionFactory.Create((DateTime value) => value, Next()),
            AIFunctionFactory.Create((DateTimeOffset? value) => value, Next()),
            AIFunctionFactory.Create((TimeSpan value) => value, Next()),
            AIFunctionFactory.Create((DateOnly value) => value, Next()),
            AIFunctionFactory.Create((TimeOnly value) => value, Next()),
            AIFunctionFactory.Create((Uri value) => value, Next()),
            AIFunctionFactory.Create((Guid value) => value, Next()),
            AIFunctionFactory.Create((List<int> value) => value, Next()),
            AIFunctionFactory.Create((int[] values, Person? person) => values, Next()),
            AIFunctionFactory.Create((string a = "x", int b = 42, BindingFlags c = BindingFlags.IgnoreCase, char d = 'x') => a, Next()),
            AIFunctionFactory.Create((JsonElement value) => value, Next()),
            .. Schemas.Select(schema => new DeclaredFunction($"Method{++count}", JsonElement.Parse(schema), strict)),
        ];

        // All at once, which makes a long prompt.
        ChatOptions options = Brief(4);
        options.Tools = tools;
        Assert.NotNull(await Client.GetResponseAsync("What is the best known tower of Paris?", options));

        // Those of odd schemas each by itself and required, which makes the schema a constraint; that is the same for both.
        await Task.WhenAll(tools.Where(tool => isStrict && tool is DeclaredFunction).Select(async tool =>
        {
            ChatOptions single = Brief(96);
            single.Tools = [tool];
            single.ToolMode = ChatToolMode.RequireAny;
            ChatResponse response = await Client.GetResponseAsync("Call it.", single);
            Assert.Equal(ChatFinishReason.ToolCalls, response.FinishReason);
            Assert.All(
                response.Messages.SelectMany(message => message.Contents).OfType<FunctionCallContent>(),
                call => Assert.Equal(tool.Name, call.Name));
        }));
    }

    private sealed class DeclaredFunction(string name, JsonElement schema, IReadOnlyDictionary<string, object?>? properties)
        : AIFunctionDeclaration
    {
        public override string Name => name;

        public override JsonElement JsonSchema => schema;

        public override IReadOnlyDictionary<string, object?> AdditionalProperties => properties ?? base.AdditionalProperties;
    }
}
