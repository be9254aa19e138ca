using System.Text.Json;
using MambaConnector.Chat;
using MambaConnector.Tests.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Tests.Chat;

/// <summary>Tools in templates, against what Jinja prints for the original ones (tool-template-vectors.json, made with Jinja 3.1.6 and the settings
/// of transformers: ChatML as in Qwen 2.5, and Qwen 3 where there is no system turn).</summary>
public sealed class ToolTemplateTests
{
    private static readonly ChatTemplate[] Templates = [ChatTemplate.ChatMl, ChatTemplate.Granite4, ChatTemplate.MistralV3];
    private static readonly MambaTokenizer Tokenizer = TestTokenizer.Create();
    private static readonly ToolDeclaration Now = new("now", "The time", Parse("""{"type":"object"}"""));

    public static TheoryData<int> Vectors => [.. Enumerable.Range(0, ReadVectors().Count)];

    [Theory]
    [MemberData(nameof(Vectors))]
    public void PrintsWhatTheOriginalPrints(int index)
    {
        JsonElement vector = ReadVectors()[index];
        ChatTemplate template = Templates.Single(candidate => candidate.Name == vector.GetProperty("template").GetString());
        ChatTurn[] turns = [.. vector.GetProperty("turns").EnumerateArray().Select(ReadTurn)];
        ToolDeclaration[] tools =
        [
            .. vector.GetProperty("tools").EnumerateArray().Select(tool => new ToolDeclaration(
                tool.GetProperty("name").GetString()!, tool.GetProperty("description").GetString()!, tool.GetProperty("parameters"))),
        ];
        string text = template.RenderText(
            TemplateInput.Create(turns, tools), vector.GetProperty("addGenerationPrompt").GetBoolean(), vector.GetProperty("begin").GetString()!,
            vector.GetProperty("end").GetString()!);
        Assert.Equal(vector.GetProperty("text").GetString(), text);
    }

    [Fact]
    public void EveryTemplateWithToolsHasVectors() => Assert.Equal(
        Templates.Select(template => template.Name).Order(), ReadVectors().Select(vector => vector.GetProperty("template").GetString()).Distinct().Order());

    [Theory]
    [InlineData("ChatML", "<|im_end|>\n<|im_start|>user\n<tool_response>\n12\n</tool_response>\n<tool_response>\n13\n</tool_response><|im_end|>\n<|im_start|>assistant\n")]
    [InlineData(
        "Granite 4.0",
        "<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>\n<tool_response>\n12\n</tool_response>\n<tool_response>\n13\n</tool_response>" +
        "<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>")]
    [InlineData(
        "Mistral v3",
        "</s>[TOOL_RESULTS] {\"content\": 12, \"call_id\": \"abcDEF123\"}[/TOOL_RESULTS][TOOL_RESULTS] {\"content\": 13, \"call_id\": \"abcDEF124\"}[/TOOL_RESULTS]")]
    public void AContinuationTakesResultsAlone(string name, string expected)
    {
        ChatTurn[] results = [Result("abcDEF123", "12"), Result("abcDEF124", "13")];
        RenderedPrompt prompt = Find(name).RenderContinuation(Tokenizer, results, []);
        Assert.Equal(expected, Tokenizer.Decode(prompt.Tokens));
    }

    [Theory]
    [InlineData("ChatML")]
    [InlineData("Granite 4.0")]
    [InlineData("Mistral v3")]
    public void AContinuationCompletesTheWhole(string name)
    {
        ChatTemplate template = Find(name);
        ChatTurn[] all =
        [
            new(ChatRoles.System, "s"), new(ChatRoles.User, "u"), new(ChatRoles.Assistant, "") { ToolCalls = [new("abcDEF123", "now", Parse("{}"))] },
            Result("abcDEF123", "12"),
        ];
        string reply = name == "Mistral v3"
            ? """[TOOL_CALLS] [{"name": "now", "arguments": {}, "id": "abcDEF123"}]"""
            : "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>";
        Assert.Equal(
            Tokenizer.Decode(template.Render(Tokenizer, all, [Now], null).Tokens),
            Tokenizer.Decode(template.Render(Tokenizer, all[..2], [Now], null).Tokens) + reply +
            Tokenizer.Decode(template.RenderContinuation(Tokenizer, all[3..], []).Tokens));
    }

    [Theory]
    [InlineData("ChatML", "<|im_end|>\n<|im_start|>system\nnew\n\n# Tools\n")]
    [InlineData("Granite 4.0", "<|end_of_text|>\n<|start_of_role|>system<|end_of_role|>new\n\nYou are a helpful assistant with access")]
    [InlineData("Mistral v3", "</s>[AVAILABLE_TOOLS] [{\"type\": \"function\", \"function\": {\"name\": \"now\"")]
    public void AContinuationDeclaresNewTools(string name, string begin)
    {
        string text = Tokenizer.Decode(Find(name).RenderContinuation(
            Tokenizer, [new(ChatRoles.System, "new"), new(ChatRoles.User, "u")], [Now]).Tokens);
        Assert.StartsWith(begin, text, StringComparison.Ordinal);
        Assert.Contains("\"name\": \"now\"", text, StringComparison.Ordinal);
    }

    [Fact]
    public void MistralDeclaresToolsBeforeResultsWhereNobodySpeaks() => Assert.StartsWith(
        "</s>[AVAILABLE_TOOLS] [", Tokenizer.Decode(ChatTemplate.MistralV3.RenderContinuation(Tokenizer, [Result("abcDEF123", "12")], [Now]).Tokens),
        StringComparison.Ordinal);

    [Fact]
    public void MistralKeepsTheInstructionsWhileAResultIsAnswered()
    {
        ChatTurn[] turns =
        [
            new(ChatRoles.System, "s"), new(ChatRoles.User, "u"), new(ChatRoles.Assistant, "Look.") { ToolCalls = [new("call_1", "now", Parse("{}"))] },
            Result("call_1", "noon \"sharp\""),
        ];
        string text = Tokenizer.Decode(ChatTemplate.MistralV3.Render(Tokenizer, turns, [], null).Tokens);
        string id = MistralCallId.From("call_1");
        Assert.Matches("^[A-Za-z0-9]{9}$", id);
        Assert.Equal(
            $$"""<s>[INST] s{{"\n\n"}}u[/INST] Look.[TOOL_CALLS] [{"name": "now", "arguments": {}, "id": "{{id}}"}]</s>""" +
            $$"""[TOOL_RESULTS] {"content": "noon \"sharp\"", "call_id": "{{id}}"}[/TOOL_RESULTS]""",
            text);
    }

    [Fact]
    public void FalconHasNoFormForTools()
    {
        string message = Assert.Throws<ArgumentException>(
            () => ChatTemplate.Falcon3.Render(Tokenizer, [new(ChatRoles.User, "u")], [Now], null)).Message;
        Assert.Contains("Falcon3", message, StringComparison.Ordinal);
        Assert.Contains("'now'", message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => ChatTemplate.Falcon3.Render(Tokenizer, [Result("a", "b")], [], null));
        Assert.Throws<ArgumentException>(() => ChatTemplate.Falcon3.Render(
            Tokenizer, [new(ChatRoles.Assistant, "") { ToolCalls = [new("a", "now", Parse("{}"))] }], [], null));
    }

    public static TheoryData<string, string> OddSchemas => new()
    {
        { "{}", "{}" },
        { "true", "true" },
        { "null", "null" },
        { "[1,[],{}]", "[1, [], {}]" },
        { "\"text\"", "\"text\"" },
        { """{"$ref":"#"}""", """{"$ref": "#"}""" },
        { """{"a":1e400,"a":-0.0}""", """{"a": 1e400, "a": -0.0}""" },
        { """{ "\u00e9\/" : "\ud83d\ude80\u0001\n\u007f" }""", "{\"é/\": \"🚀\\u0001\\n\u007f\"}" },
        { """{"\ud800":"\udc00x"}""", """{"\ud800": "\udc00x"}""" },
    };

    [Theory]
    [MemberData(nameof(OddSchemas))]
    public void AnySchemaIsPrinted(string schema, string expected)
    {
        ToolDeclaration tool = ToolDeclaration.Create(AIFunctionFactory.CreateDeclaration("odd \"one\"", "line\nbreak", Parse(schema)));
        string line = """{"type": "function", "function": {"name": "odd \"one\"", "description": "line\nbreak", "parameters": """ + $"{expected}}}}}";
        Assert.Equal(line, tool.ToFunctionJson());
        foreach (ChatTemplate template in Templates)
        {
            Assert.Contains(line, Tokenizer.Decode(template.Render(Tokenizer, [new(ChatRoles.User, "u")], [tool], null).Tokens), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void AMissingSchemaIsAnEmptyObject() =>
        Assert.Contains("\"parameters\": {}", new ToolDeclaration("n", "", default).ToFunctionJson(), StringComparison.Ordinal);

    [Fact]
    public void ADeepSchemaIsPrinted()
    {
        const int depth = 20_000;
        string schema = string.Concat(Enumerable.Repeat("[", depth)) + string.Concat(Enumerable.Repeat("]", depth));
        using JsonDocument document = JsonDocument.Parse(schema, new JsonDocumentOptions { MaxDepth = depth + 1 });
        Assert.Equal(schema, TemplateJson.Format(document.RootElement));
    }

    private static ChatTemplate Find(string name) => Templates.Single(template => template.Name == name);

    private static ChatTurn Result(string id, string content) => new(ChatRoles.Tool, content) { ToolCallId = id };

    private static ChatTurn ReadTurn(JsonElement turn) =>
        new(turn.GetProperty("role").GetString()!, turn.GetProperty("content").GetString()!)
        {
            ToolCallId = turn.TryGetProperty("toolCallId", out JsonElement id) ? id.GetString() : null,
            ToolCalls = turn.TryGetProperty("toolCalls", out JsonElement calls)
                ? [.. calls.EnumerateArray().Select(call => new ToolCall(
                    call.GetProperty("id").GetString(), call.GetProperty("name").GetString()!, call.GetProperty("arguments")))]
                : [],
        };

    private static JsonElement Parse(string json) => JsonElement.Parse(json);

    private static IReadOnlyList<JsonElement> ReadVectors() =>
        [.. JsonElement.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Chat", "tool-template-vectors.json"))).EnumerateArray()];
}
