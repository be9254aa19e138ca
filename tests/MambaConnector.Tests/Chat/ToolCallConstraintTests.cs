using System.Text.Json;
using MambaConnector.Chat;
using MambaConnector.Constraints;
using MambaConnector.Generation;
using MambaConnector.Tests.Support;
using Microsoft.Extensions.AI;

namespace MambaConnector.Tests.Chat;

/// <summary>Replies that choose at random are held to the tools, and what comes out is read back.</summary>
public sealed class ToolCallConstraintTests
{
    private static readonly string[] Markers = ["<tool_call>", "</tool_call>", "[TOOL_CALLS]"];

    // Markers as text, as control tokens, and as tokens that are found in any text.
    private static readonly MambaTokenizer[] Tokenizers =
        [TestTokenizer.Create(), TestTokenizer.CreateWith(Markers, areSpecial: true), TestTokenizer.CreateWith(Markers, areSpecial: false)];

    private static readonly ToolDeclaration Weather = new("get_weather", "", JsonElement.Parse(
        """{"type":"object","properties":{"city":{"type":"string","maxLength":8},"days":{"type":"integer"}},"required":["city"],"additionalProperties":false}"""));

    private static readonly ToolDeclaration Now = new("now \"exact\"", "", JsonElement.Parse("""{"type":"object","additionalProperties":false}"""));

    public static TheoryData<string, int, bool> Cases
    {
        get
        {
            TheoryData<string, int, bool> data = [];
            foreach (string form in new[] { "Hermes", "Mistral" })
            {
                for (int tokenizer = 0; tokenizer < Tokenizers.Length; tokenizer++)
                {
                    data.Add(form, tokenizer, true);
                    data.Add(form, tokenizer, false);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void ARequiredCallIsMadeWithinAnyBudget(string form, int tokenizer, bool allowMultiple)
    {
        for (int seed = 0; seed < 30; seed++)
        {
            int budget = 120 + (seed * 17);
            Reply reply = Generate(Find(form), Tokenizers[tokenizer], [Weather, Now], ChatToolMode.RequireAny, allowMultiple, budget, seed);
            Assert.Equal("", reply.Text);
            Assert.InRange(reply.Calls.Count, 1, allowMultiple ? ToolCallFormat.MaximumCalls : 1);
            Assert.All(reply.Calls, IsDeclared);
            Assert.True(reply.Tokens <= budget);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void OnlyTheRequiredFunctionIsCalled(string form, int tokenizer, bool allowMultiple)
    {
        for (int seed = 0; seed < 10; seed++)
        {
            Reply reply = Generate(
                Find(form), Tokenizers[tokenizer], [Weather, Now], ChatToolMode.RequireSpecific("get_weather"), allowMultiple, 400, seed);
            Assert.NotEmpty(reply.Calls);
            Assert.All(reply.Calls, call => Assert.Equal("get_weather", call.Name));
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void ACallThatIsBegunFreelyIsCompleted(string form, int tokenizer, bool allowMultiple)
    {
        ToolCallFormat format = Find(form);
        int called = 0;
        for (int seed = 0; seed < 30; seed++)
        {
            // The model would call after a few letters, however little budget is left.
            int budget = 20 + (seed * 20);
            Reply reply = Generate(format, Tokenizers[tokenizer], [Weather, Now], null, allowMultiple, budget, seed, preferred: "Hi!\n" + format.Trigger);
            Assert.InRange(reply.Calls.Count, 0, allowMultiple ? ToolCallFormat.MaximumCalls : 1);
            Assert.All(reply.Calls, IsDeclared);
            Assert.DoesNotContain(format.Trigger, reply.Text, StringComparison.Ordinal);
            Assert.StartsWith("Hi!", reply.Text, StringComparison.Ordinal);
            Assert.True(reply.Tokens <= budget);
            called += reply.Calls.Count > 0 ? 1 : 0;
        }

        Assert.InRange(called, 15, 29);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void WhereNoneIsWantedNoneIsBegun(string form, int tokenizer, bool allowMultiple)
    {
        ToolCallFormat format = Find(form);
        Reply reply = Generate(
            format, Tokenizers[tokenizer], [Weather, Now], ChatToolMode.None, allowMultiple, 200, seed: 1, preferred: "Hi!\n" + format.Trigger + "\n{}");
        Assert.Empty(reply.Calls);
        Assert.StartsWith("Hi!\n", reply.Text, StringComparison.Ordinal);
        Assert.DoesNotContain(format.Trigger, reply.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void TheTriggersTokenIsMaskedWhereNoCallIsWanted()
    {
        foreach (MambaTokenizer tokenizer in Tokenizers[1..])
        {
            ITokenConstraint constraint = HermesCallFormat.Instance.CreateConstraint(tokenizer, [TestTokenizer.ImEnd], [Weather], ChatToolMode.None, null);
            Assert.True(tokenizer.TryGetId("<tool_call>", out int trigger));
            for (int step = 0; step < 3; step++)
            {
                Assert.False(TokenMask.Contains(constraint.Mask, trigger));
                Assert.True(TokenMask.Contains(constraint.Mask, TestTokenizer.ImEnd));
                Assert.True(constraint.TryAccept(TestTokenizer.FirstByte + 'a', 0));
            }

            Assert.False(constraint.IsComplete);
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("true")]
    [InlineData("false")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("\"text\"")]
    [InlineData("""{"type":"string"}""")]
    [InlineData("""{"type":["null","object"],"maxProperties":1}""")]
    [InlineData("""{"type":["null",7]}""")]
    [InlineData("""{"$ref":"#/$defs/a","$defs":{"a":{"type":"object"}}}""")]
    [InlineData("""{"$ref":"https://example.org/schema"}""")]
    [InlineData("""{"anyOf":[{"type":"object"},null,[],1.5]}""")]
    [InlineData("""{"type":"object","required":["a"],"properties":{"a":false}}""")]
    [InlineData("""{"type":"object","properties":7}""")]
    [InlineData("""{"a":1,"a":2}""")]
    [InlineData("""{"\ud800":"\udc00x"}""")]
    public void OddSchemasStillGiveCalls(string schema)
    {
        ToolDeclaration odd = new("odd", "", JsonElement.Parse(schema));
        foreach (string form in new[] { "Hermes", "Mistral" })
        {
            for (int seed = 0; seed < 3; seed++)
            {
                Reply reply = Generate(Find(form), Tokenizers[1], [odd], ChatToolMode.RequireAny, false, 150, seed);
                Assert.Equal("odd", Assert.Single(reply.Calls).Name);
                Assert.Equal(JsonValueKind.Object, reply.Calls[0].Arguments.ValueKind);
            }
        }
    }

    [Fact]
    public void AMissingSchemaStillGivesCalls() => Assert.Single(
        Generate(HermesCallFormat.Instance, Tokenizers[0], [new ToolDeclaration("n", "", default)], ChatToolMode.RequireAny, false, 150, 1).Calls);

    [Fact]
    public void WhatIsRequiredMustBeDeclared()
    {
        ToolCallFormat format = HermesCallFormat.Instance;
        Assert.Contains("'other'", Assert.Throws<ArgumentException>(
            () => format.CreateConstraint(Tokenizers[0], [], [Weather], ChatToolMode.RequireSpecific("other"), null)).Message, StringComparison.Ordinal);
        Assert.Contains("Tools", Assert.Throws<ArgumentException>(
            () => format.CreateConstraint(Tokenizers[0], [], [], ChatToolMode.RequireAny, null)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ATokenThatGoesOnBeyondTheTriggerIsRefused()
    {
        MambaTokenizer tokenizer = TestTokenizer.CreateWith(["call>\n"], areSpecial: false);
        ITokenConstraint constraint = HermesCallFormat.Instance.CreateConstraint(tokenizer, [TestTokenizer.ImEnd], [Weather], null, null);
        Assert.True(tokenizer.TryGetId("call>\n", out int token));
        Assert.All(TestTokenizer.Tokens("<tool_"), piece => Assert.True(constraint.TryAccept(piece, 500)));
        Assert.False(constraint.TryAccept(token, 500));
        Assert.False(TokenMask.Contains(constraint.Mask, token));
        Assert.All(TestTokenizer.Tokens("call>"), piece => Assert.True(constraint.TryAccept(piece, 500)));
        Assert.False(TokenMask.Contains(constraint.Mask, TestTokenizer.ImEnd));
        Assert.True(constraint.TryAccept(TestTokenizer.FirstByte + '\n', 500));
    }

    private static ToolCallFormat Find(string form) => form == "Hermes" ? HermesCallFormat.Instance : MistralCallFormat.Instance;

    private static void IsDeclared(ToolCall call)
    {
        Assert.True(call.Name == Weather.Name || call.Name == Now.Name);
        JsonProperty[] arguments = [.. call.Arguments.EnumerateObject()];
        if (call.Name == Now.Name)
        {
            Assert.Empty(arguments);
            return;
        }

        Assert.True(call.Arguments.GetProperty("city").GetString()!.EnumerateRunes().Count() <= 8);
        Assert.All(arguments, argument => Assert.True(argument.Name is "city" or "days"));
    }

    // Chooses at random among what is allowed, or a wished text as long as it is allowed.
    private static Reply Generate(
        ToolCallFormat format, MambaTokenizer tokenizer, ToolDeclaration[] tools, ChatToolMode? mode, bool allowMultiple, int budget, int seed,
        string preferred = "")
    {
        ITokenConstraint constraint = format.CreateConstraint(tokenizer, [TestTokenizer.ImEnd], tools, mode, allowMultiple);
        TokenDecoder decoder = tokenizer.CreateContinuationDecoder(format.ControlTokens(tokenizer));
        ToolCallParser parser = new(format);
        List<ReplyPart> parts = [];
        Queue<int> wishes = new(tokenizer.Encode(preferred, parseSpecial: true));
        Random random = new(seed);
        int count = 0;
        while (count < budget && !constraint.IsComplete)
        {
            int token;
            do
            {
                token = Choose(constraint.Mask, wishes, random, tokenizer.VocabularySize);
            }
            while (!constraint.TryAccept(token, budget - count - 1));

            count++;
            if (token == TestTokenizer.ImEnd)
            {
                break;
            }

            parts.AddRange(parser.Append(decoder.Append(token)));
        }

        parts.AddRange(parser.Append(decoder.Flush()));
        parts.AddRange(parser.Flush());
        return new Reply(string.Concat(parts.Select(part => part.Text)), [.. parts.Where(part => part.Call is not null).Select(part => part.Call!)], count);
    }

    private static int Choose(ReadOnlySpan<uint> mask, Queue<int> wishes, Random random, int size)
    {
        if (wishes.TryDequeue(out int wish) && (mask.IsEmpty || TokenMask.Contains(mask, wish)))
        {
            return wish;
        }

        // Closing a value is as likely as a letter: otherwise no string would ever end.
        List<int> allowed = [];
        for (int token = 0; token < size; token++)
        {
            if (mask.IsEmpty || TokenMask.Contains(mask, token))
            {
                allowed.Add(token);
            }
        }

        int[] closing = [.. TestTokenizer.Tokens("\"}],\n ").Where(allowed.Contains)];
        return closing.Length > 0 && random.Next(4) == 0 ? closing[random.Next(closing.Length)] : allowed[random.Next(allowed.Count)];
    }

    private sealed record Reply(string Text, IReadOnlyList<ToolCall> Calls, int Tokens);
}
