using MambaConnector.Constraints;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Constraints;

/// <summary>Grammars put together, tokens, ends and budgets.</summary>
public sealed class ConstraintTests
{
    private const int End = TestTokenizer.ImEnd;

    [Fact]
    public void AnythingThatMayEndOrGoOnHasTheStopTokensInItsMask()
    {
        JsonConstraint constraint = Create(Grammar.Json(System.Text.Json.JsonElement.Parse("""{"type":"integer"}""")));
        Assert.DoesNotContain(End, ConstraintDriver.Allowed(constraint.Mask));
        Accept(constraint, "12");
        Assert.False(constraint.IsComplete);
        Assert.Equal([End, .. TestTokenizer.Tokens("0123456789")], ConstraintDriver.Allowed(constraint.Mask));
        Assert.True(constraint.TryAccept(End, 0));
        Assert.True(constraint.IsComplete);
    }

    [Fact]
    public void WhatNothingCanFollowIsComplete()
    {
        JsonConstraint constraint = Create(Grammar.Literal("ab"));
        Accept(constraint, "a");
        Assert.False(constraint.IsComplete);
        Accept(constraint, "b");
        Assert.True(constraint.IsComplete);
        Assert.Equal([End], ConstraintDriver.Allowed(constraint.Mask));
    }

    [Fact]
    public void WithoutStopTokensATextEndsAsSoonAsItMay()
    {
        JsonConstraint constraint = JsonConstraint.Create(Grammar.Repeat(Grammar.Literal("a"), 2), Tokenizers.Bytes, []);
        Accept(constraint, "a");
        Assert.False(constraint.IsComplete);
        Accept(constraint, "a");
        Assert.True(constraint.IsComplete);
    }

    [Fact]
    public void ToolCallsAreLiteralsTokensAndSchemas()
    {
        int begin = TestTokenizer.FirstByte - 2;
        Grammar call = Grammar.Choice(
            Grammar.Sequence(Grammar.Literal("{\"name\": \"add\", \"arguments\": "), GrammarText.Compile("""{"type":"array","items":{"type":"integer"}}"""), Grammar.Literal("}")),
            Grammar.Sequence(Grammar.Literal("{\"name\": \"now\", \"arguments\": "), Grammar.AnyJsonObject(), Grammar.Literal("}")));
        Grammar calls = Grammar.Sequence(Grammar.Token(begin), Grammar.Repeat(Grammar.Sequence(Grammar.Literal("\n"), call), 1, 2));
        JsonConstraint constraint = Create(calls);

        Assert.Equal([begin], ConstraintDriver.Allowed(constraint.Mask));
        Assert.True(constraint.TryAccept(begin, 1000));
        Accept(constraint, "\n{\"name\": \"");
        Assert.Equal(TestTokenizer.Tokens("an"), ConstraintDriver.Allowed(constraint.Mask));
        Accept(constraint, "add\", \"arguments\": [1,2]}");
        Assert.Equal([End, .. TestTokenizer.Tokens("\n")], ConstraintDriver.Allowed(constraint.Mask));
        Accept(constraint, "\n{\"name\": \"now\", \"arguments\": {}}");
        Assert.True(constraint.IsComplete);
    }

    [Fact]
    public void AStopTokenThatIsTextStandsOnlyAtTheEnd()
    {
        int lead = TestTokenizer.Tokens("é")[0];
        JsonConstraint constraint = JsonConstraint.Create(Grammar.AnyJson(), Tokenizers.Bytes, [lead]);
        Accept(constraint, "\"");
        Assert.DoesNotContain(lead, ConstraintDriver.Allowed(constraint.Mask));

        constraint = JsonConstraint.Create(Grammar.AnyJson(), Tokenizers.Bytes, [lead]);
        Accept(constraint, "1");
        Assert.Contains(lead, ConstraintDriver.Allowed(constraint.Mask));
        Assert.True(constraint.TryAccept(lead, 0));
        Assert.True(constraint.IsComplete);
    }

    [Theory]
    [InlineData("{", "{")]
    [InlineData("é", "é")]
    public void AGrammarThatTheVocabularyCannotSpellIsRefused(string literal, string stop) => Assert.Throws<ArgumentException>(() =>
        JsonConstraint.Create(Grammar.Literal(literal), Tokenizers.Bytes, [TestTokenizer.Tokens(stop)[0]]));

    [Fact]
    public void ATokenThatTheBudgetCannotPayForIsRefusedAndNothingIsTaken()
    {
        JsonConstraint constraint = Create(Grammar.AnyJson());
        Assert.Equal(1, constraint.MinimumTokens);
        int brace = TestTokenizer.Tokens("{")[0];
        Assert.Contains(brace, ConstraintDriver.Allowed(constraint.Mask));
        Assert.False(constraint.TryAccept(brace, 0));
        Assert.DoesNotContain(brace, ConstraintDriver.Allowed(constraint.Mask));
        Assert.True(constraint.TryAccept(TestTokenizer.Tokens("7")[0], 0));
    }

    [Fact]
    public void AfterAFewRefusalsOnlyTheWayToTheEndIsLeft()
    {
        JsonConstraint constraint = Create(Grammar.Json(System.Text.Json.JsonElement.Parse("""{"type":"string"}""")));
        Accept(constraint, "\"");
        foreach (int token in TestTokenizer.Tokens("abcd"))
        {
            Assert.False(constraint.TryAccept(token, 0));
        }

        Assert.Equal(TestTokenizer.Tokens("\""), ConstraintDriver.Allowed(constraint.Mask));
    }

    [Theory]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"},"b":{"enum":["xx","y"]}},"required":["a","b"]}""", 15)]
    [InlineData("""{"type":"string","minLength":7}""", 9)]
    [InlineData("""{"type":"integer","minimum":100}""", 3)]
    [InlineData("""{"type":"array","items":{"type":"null"},"minItems":2}""", 11)]
    [InlineData("""{"type":"string","pattern":"^\\d{3}(-\\d)*$"}""", 5)]
    [InlineData("""{"anyOf":[{"type":"boolean"},{"const":"abc"}]}""", 4)]
    public void MinimumTokensIsTheShortestTextThatFits(string schema, int tokens) =>
        Assert.Equal(tokens, Create(GrammarText.Compile(schema)).MinimumTokens);

    [Fact]
    public void LongTokensCountOnce()
    {
        int single = JsonConstraint.Create(Grammar.Literal("characteristic"), Tokenizers.Neox, []).MinimumTokens;
        Assert.InRange(single, 1, 3);
        JsonConstraint filled = JsonConstraint.Create(GrammarText.Compile("""{"type":"string","minLength":40}"""), Tokenizers.Neox, []);
        Assert.InRange(filled.MinimumTokens, 3, 12);
    }

    private static JsonConstraint Create(Grammar grammar) => JsonConstraint.Create(grammar, Tokenizers.Bytes, [End]);

    private static void Accept(JsonConstraint constraint, string text)
    {
        foreach (int token in TestTokenizer.Tokens(text))
        {
            Assert.Contains(token, ConstraintDriver.Allowed(constraint.Mask));
            Assert.True(constraint.TryAccept(token, 1000));
        }
    }
}
