using FsCheck;
using FsCheck.Fluent;
using MambaConnector.Chat;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Chat;

/// <summary>Calls in replies that come in pieces.</summary>
public sealed class ToolCallParserTests
{
    private static readonly ToolCallFormat Hermes = HermesCallFormat.Instance;
    private static readonly ToolCallFormat Mistral = MistralCallFormat.Instance;

    // Replies, and what they are: text as it stands, calls as name(arguments).
    public static TheoryData<bool, string, string[]> Replies => new()
    {
        { true, "Hello <b>you</b>\n", ["Hello <b>you</b>\n"] },
        { true, "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>", ["now({})"] },
        { true, "Look.\n<tool_call>{\"name\":\"a\",\"arguments\":{\"x\":[1,{}]}}</tool_call>", ["Look.", "a({\"x\":[1,{}]})"] },
        {
            true, "<tool_call>\n{\"name\": \"a\", \"arguments\": {}}\n</tool_call>\n<tool_call>\n{\"arguments\": {}, \"name\": \"b\"}\n</tool_call> Done\n",
            ["a({})", "b({})", " Done\n"]
        },
        {
            true, "<tool_call>\n{\"name\": \"a\", \"arguments\": {\"t\": \"</tool_call>\\\"}\\\\\"}}\n</tool_call>",
            ["a({\"t\": \"</tool_call>\\\"}\\\\\"})"]
        },
        { true, "a <tool_<tool_call>{\"name\":\"a\",\"arguments\":{}}</tool_call>", ["a <tool_", "a({})"] },
        { true, "\n\n<tool_call>{\"name\":\"a\",\"arguments\":{}}</tool_call>", ["\n", "a({})"] },
        { true, "<tool_call> no JSON </tool_call>", ["<tool_call> no JSON </tool_call>"] },
        { true, "<tool_call>{\"name\": \"a\"}</tool_call>", ["<tool_call>{\"name\": \"a\"}</tool_call>"] },
        { true, "<tool_call>{\"name\": \"a\", \"arguments\": []}</tool_call>", ["<tool_call>{\"name\": \"a\", \"arguments\": []}</tool_call>"] },
        { true, "<tool_call>{\"name\": \"\\ud800\", \"arguments\": {}}</tool_call>", ["<tool_call>{\"name\": \"\\ud800\", \"arguments\": {}}</tool_call>"] },
        { true, "<tool_call>{]</tool_call>", ["<tool_call>{]</tool_call>"] },
        { true, "\n<tool_call>{\"name\": \"a\", \"argum", ["\n<tool_call>{\"name\": \"a\", \"argum"] },
        { true, "<tool_call>{\"a\": \"\n<tool_call>{\"name\":\"a\",\"arguments\":{}}</tool_call>", ["<tool_call>{\"a\": \"", "a({})"] },
        { true, "<tool_call>{\"name\":\"a\",\"arguments\":{}}</tool", ["<tool_call>{\"name\":\"a\",\"arguments\":{}}</tool"] },
        { true, "<tool_call>{}x<tool_call>\n<tool_call>{\"name\":\"a\",\"arguments\":{}}</tool_call>", ["<tool_call>{}x<tool_call>", "a({})"] },
        { true, "<tool_call", ["<tool_call"] },
        { false, "[1, 2] [TOOL_CALL]", ["[1, 2] [TOOL_CALL]"] },
        { false, "[TOOL_CALLS] [{\"name\": \"a\", \"arguments\": {}, \"id\": \"abcdefgh1\"}]", ["a({})#abcdefgh1"] },
        {
            false, "Look.\n[TOOL_CALLS] [{\"name\": \"a\", \"arguments\": {}, \"id\": \"abcdefgh1\"}, {\"name\": \"b\", \"arguments\": {\"x\": \"]\"}, \"id\": \"2\"}] !",
            ["Look.\n", "a({})#abcdefgh1", "b({\"x\": \"]\"})#2", " !"]
        },
        { false, "[TOOL_CALLS] []", ["[TOOL_CALLS] []"] },
        { false, "[TOOL_CALLS] [{\"name\": \"a\", \"arguments\": {}}, 1]", ["[TOOL_CALLS] [{\"name\": \"a\", \"arguments\": {}}, 1]"] },
        { false, "[TOOL_CALLS]{\"name\": \"a\", \"arguments\": {}}", ["[TOOL_CALLS]{\"name\": \"a\", \"arguments\": {}}"] },
    };

    [Theory]
    [MemberData(nameof(Replies))]
    public void EverySplitGivesTheSame(bool isHermes, string reply, string[] expected)
    {
        ToolCallFormat format = isHermes ? Hermes : Mistral;
        Assert.Equal(expected, Show(Parse(format, [reply])));
        Assert.Equal(expected, Show(Parse(format, reply.Select(character => character.ToString()))));
        for (int cut = 0; cut <= reply.Length; cut++)
        {
            Assert.Equal(expected, Show(Parse(format, [reply[..cut], reply[cut..]])));
        }

        Prop.ForAll(Gen.ListOf(Gen.Choose(0, reply.Length)).ToArbitrary(), cuts =>
        {
            int[] at = [0, .. cuts.Order(), reply.Length];
            Assert.Equal(expected, Show(Parse(format, at.Zip(at.Skip(1), (start, end) => reply[start..end]))));
        }).Check(PropertyConfig.Of(100));
    }

    [Fact]
    public void NothingIsLostWhateverComes()
    {
        string[] fragments =
        [
            "<tool_call>", "</tool_call>", "\n", "{", "}", "\"", "\\", "[", "]", "[TOOL_CALLS]", " ", "x", "{\"name\": \"a\", \"arguments\": {}}",
            "[{\"name\": \"a\", \"arguments\": {}, \"id\": \"abcdefghi\"}]",
        ];
        Prop.ForAll(Gen.ListOf(Gen.Elements(fragments)).ToArbitrary(), pieces =>
        {
            string reply = string.Concat(pieces);
            foreach (ToolCallFormat format in new[] { Hermes, Mistral })
            {
                List<ReplyPart> whole = Parse(format, [reply]);
                Assert.Equal(Show(whole), Show(Parse(format, pieces)));
                if (whole.All(part => part.Call is null))
                {
                    Assert.Equal(reply, string.Concat(whole.Select(part => part.Text)));
                }

                // Calls apart, all characters are still there.
                int calls = whole.Count(part => part.Call is not null);
                int brackets = CountOpening(reply) - CountOpening(string.Concat(whole.Select(part => part.Text)));
                Assert.True(calls == 0 ? brackets == 0 : brackets >= calls);
            }
        }).Check(PropertyConfig.Of(1000));
    }

    [Fact]
    public void TextIsGivenOutAtOnce()
    {
        ToolCallParser parser = new(Hermes);
        Assert.Equal([new ReplyPart("Hello", null)], parser.Append("Hello\n<tool"));
        Assert.Equal([new ReplyPart("\n<toolbox", null)], parser.Append("box"));
        Assert.Empty(parser.Append("\n"));
        Assert.Equal([new ReplyPart("\n", null)], parser.Flush());
        Assert.Empty(parser.Flush());
    }

    [Fact]
    public void IdsAreMadeWhereTheFormHasNone()
    {
        string call = "<tool_call>{\"name\":\"a\",\"arguments\":{}}</tool_call>";
        string?[] ids = [.. Parse(Hermes, [call + call]).Select(part => part.Call!.Id)];
        Assert.All(ids, id => Assert.StartsWith("call_", id, StringComparison.Ordinal));
        Assert.Equal(2, ids.Distinct().Count());
    }

    [Fact]
    public void NoTwoCallsShareAnId()
    {
        ToolCall[] calls =
        [
            .. Parse(Mistral, ["""[TOOL_CALLS] [{"name":"a","arguments":{},"id":"abcdefghi"},{"name":"b","arguments":{},"id":"abcdefghi"},{"name":"c","arguments":{}}]"""])
                .Select(part => part.Call!),
        ];
        Assert.Equal(["a", "b", "c"], calls.Select(call => call.Name));
        Assert.Equal("abcdefghi", calls[0].Id);
        Assert.Equal(3, calls.Select(call => call.Id).Distinct().Count());
        Assert.All(calls, call => Assert.Matches("^[A-Za-z0-9]{9}$", call.Id));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void MarkersAreInTheTextWhateverTokensTheyAre(bool areSpecial)
    {
        MambaTokenizer tokenizer = TestTokenizer.CreateWith(["<tool_call>", "</tool_call>", "<other>"], areSpecial);
        int[] tokens = tokenizer.Encode("a<other><tool_call>{\"name\":\"n\",\"arguments\":{}}</tool_call>", parseSpecial: true);
        TokenDecoder decoder = tokenizer.CreateContinuationDecoder(Hermes.ControlTokens(tokenizer));
        Assert.Equal([areSpecial ? "a" : "a<other>", "n({})"], Show(Parse(Hermes, tokens.Select(decoder.Append))));
        Assert.Equal(areSpecial ? 2 : 0, Hermes.ControlTokens(tokenizer).Count);
    }

    private static List<ReplyPart> Parse(ToolCallFormat format, IEnumerable<string> pieces)
    {
        ToolCallParser parser = new(format);
        List<ReplyPart> parts = [.. pieces.SelectMany(parser.Append), .. parser.Flush()];
        Assert.Equal(parts.Count(part => part.Call is not null), parser.CallCount);
        Assert.All(parts, part => Assert.True(part.Call is null ? part.Text.Length > 0 : part.Text.Length == 0));
        return parts;
    }

    private static int CountOpening(string text) => text.Count(character => character is '{' or '[');

    // Neighbouring texts as one; an id only where the form gives it.
    private static List<string> Show(List<ReplyPart> parts)
    {
        List<string> shown = [];
        bool wasText = false;
        foreach (ReplyPart part in parts)
        {
            if (part.Call is ToolCall call)
            {
                bool isGiven = call.Id is { Length: > 0 } id && (id.Length == 1 || id.StartsWith("abcdefgh", StringComparison.Ordinal));
                shown.Add($"{call.Name}({call.Arguments.GetRawText()}){(isGiven ? "#" + call.Id : "")}");
            }
            else if (wasText)
            {
                shown[^1] += part.Text;
            }
            else
            {
                shown.Add(part.Text);
            }

            wasText = part.Call is null;
        }

        return shown;
    }
}
