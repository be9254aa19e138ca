using System.Text.Json;
using MambaConnector.Constraints;
using MambaConnector.Tests.Constraints.Validation;

namespace MambaConnector.Tests.Constraints;

/// <summary>Schemas that contain themselves, repeat themselves, or are larger than they look: they work, or are refused with a reason.</summary>
public sealed class HostileSchemaTests
{
    [Theory]
    [InlineData("""{"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"next":{"allOf":[{"$ref":"#/$defs/n"}]}},"additionalProperties":false}}}""", """{"next":{"next":{}}}""")]
    [InlineData("""{"type":"object","properties":{"next":{"$ref":"#","nullable":true}},"additionalProperties":false}""", """{"next":{"next":null}}""")]
    [InlineData("""{"type":"object","properties":{"next":{"type":["object","null"],"anyOf":[{"$ref":"#"},{"type":"null"}]}},"additionalProperties":false}""", """{"next":{"next":null}}""")]
    public void AJoinMayContainItself(string schema, string text)
    {
        Grammar grammar = GrammarText.Compile(schema);
        Assert.True(GrammarText.Accepts(grammar, text));
        Assert.False(GrammarText.Accepts(grammar, """{"next":{"next":1}}"""));
    }

    [Fact]
    public void AJoinThatStandsInManyPlacesIsOneGrammar()
    {
        IEnumerable<string> definitions = Enumerable.Range(0, 40).Select(index =>
            Name(index) + ":{\"type\":\"object\",\"properties\":{\"x\":{\"allOf\":[" + Reference(index + 1) + "]},\"y\":{\"allOf\":[" + Reference(index + 1) + "]}}}");
        Grammar grammar = GrammarText.Compile(WithDefinitions([.. definitions, $$"""{{Name(40)}}:{"type":"string"}"""]));
        Assert.True(GrammarText.Accepts(grammar, """{"x":{"y":{"x":{}}}}"""));
        Assert.False(GrammarText.Accepts(grammar, """{"x":{"y":{"x":1}}}"""));
    }

    public static TheoryData<string, string> Bombs => new()
    {
        { Nested("""{"items":""", "{}", "}", 300), "is nested more than 256 levels deep" },
        { "{\"const\":" + Nested("[", "", "]", 300) + "}", "is nested more than 256 levels deep" },
        { "{\"const\":" + Nested("[", "", "]", 61) + "}", "cannot be satisfied" },
        { Chain(2000, Reference), "refers to itself without end" },
        { Chain(25, static next => $$"""{"allOf":[{{Reference(next)}},{{Reference(next)}}]}"""), "joins schemas more than 4096 times" },
    };

    [Theory]
    [MemberData(nameof(Bombs))]
    public void WhatIsTooDeepOrTooLarge(string schema, string message)
    {
        using JsonDocument document = JsonDocument.Parse(schema, new JsonDocumentOptions { MaxDepth = 100_000 });
        ArgumentException exception = Assert.Throws<ArgumentException>(() => Grammar.Json(document.RootElement));
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"allOf":[{"minimum":"a"},{"minimum":1}]}""")]
    [InlineData("""{"allOf":[{"required":"a"},{"required":["b"]}]}""")]
    [InlineData("""{"allOf":[{"properties":3},{"properties":{}}]}""")]
    [InlineData("""{"type":"object","properties":{"\ud800":{}}}""")]
    [InlineData("""{"enum":["\ud800"]}""")]
    [InlineData("""{"type":"string","pattern":"\ud800"}""")]
    public void WhatIsNoSchemaOrNoText(string schema)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(() => GrammarText.Compile(schema));
        Assert.Contains("is malformed at or below '#", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("^(?:a?){3000}$")]
    [InlineData("^(?:\\\\p{L}?){1000}$")]
    public void PatternsOfTooManyOverlaps(string pattern)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(() => GrammarText.Compile($$"""{"type":"string","pattern":"{{pattern}}"}"""));
        Assert.Contains("overlap in too many ways", exception.Message, StringComparison.Ordinal);
    }

    /// <summary>With each level the alternatives read alike, and only the ends tell them apart.</summary>
    [Fact]
    public void AlternativesThatReadAlikeStayFewAndCanBeCompleted()
    {
        const string Operation = """{"type":"object","properties":{"l":{"$ref":"#"},"k":{"const":"KIND"}},"required":["k"],"additionalProperties":false}""";
        string text = $$"""{"anyOf":[{{Operation.Replace("KIND", "add", StringComparison.Ordinal)}},{{Operation.Replace("KIND", "mul", StringComparison.Ordinal)}}]}""";
        Grammar grammar = GrammarText.Compile(text);
        Automaton automaton = new(grammar, new CostTable(grammar, null));
        AutomatonState state = automaton.Start;
        string json = "";
        for (int level = 0; level < 40; level++)
        {
            json += "{\"l\":";
            state = automaton.Step(state, "{\"l\":"u8);
            Assert.InRange(state.Frames.Length, 1, 256);
        }

        while (!state.IsAccepting)
        {
            byte next = Enumerable.Range(0x20, 0x5F).Select(value => (byte)value).First(value => automaton.Step(state, value).Cost < state.Cost);
            json += (char)next;
            state = automaton.Step(state, next);
        }

        Assert.True(JsonSchemaValidator.IsValid(JsonElement.Parse(text), JsonElement.Parse(json), out string? why), why);
    }

    /// <summary>So many that a number does not hold a bit for each.</summary>
    [Fact]
    public void ManyPropertiesAreEachRequiredOnceInAnyOrder()
    {
        string[] names = [.. Enumerable.Range(0, 150).Select(index => $"p{index}")];
        Grammar grammar = GrammarText.Compile(
            "{\"type\":\"object\",\"properties\":{" + string.Join(',', names.Select(name => $$"""{{Quoted(name)}}:{"type":"null"}""")) +
            "},\"required\":[" + string.Join(',', names.Select(Quoted)) + "],\"additionalProperties\":false}");
        Assert.True(GrammarText.Accepts(grammar, Members(names.Reverse())));
        Assert.False(GrammarText.Accepts(grammar, Members(names.Skip(1))));
        Assert.False(GrammarText.Accepts(grammar, Members(names.Append("p70"))));

        static string Quoted(string name) => $"\"{name}\"";

        static string Members(IEnumerable<string> names) => "{" + string.Join(',', names.Select(name => $"{Quoted(name)}:null")) + "}";
    }

    private static string Nested(string open, string inside, string close, int depth) =>
        string.Concat(Enumerable.Repeat(open, depth)) + inside + string.Concat(Enumerable.Repeat(close, depth));

    private static string Chain(int length, Func<int, string> definition) => WithDefinitions(
        [.. Enumerable.Range(0, length).Select(index => $"{Name(index)}:{definition(index + 1)}"), $$"""{{Name(length)}}:{"type":"string"}"""]);

    private static string WithDefinitions(string[] definitions) => "{\"anyOf\":[" + Reference(0) + "],\"$defs\":{" + string.Join(',', definitions) + "}}";

    private static string Name(int index) => $"\"d{index}\"";

    private static string Reference(int index) => $"{{\"$ref\":\"#/$defs/d{index}\"}}";
}
