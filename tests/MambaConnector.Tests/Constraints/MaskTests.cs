using System.Text.Json;
using MambaConnector.Constraints;

namespace MambaConnector.Tests.Constraints;

/// <summary>A mask allows exactly the tokens that can follow.</summary>
public sealed class MaskTests
{
    [Theory]
    [InlineData("{}", "")]
    [InlineData("{}", "{\"a")]
    [InlineData("{}", "{\"a\":1,\"")]
    [InlineData("""{"type":"object","properties":{"in":{"type":"string"},"int":{}},"additionalProperties":{"type":"boolean"}}""", "{\"")]
    [InlineData("""{"type":"object","properties":{"in":{"type":"string"},"int":{}},"additionalProperties":{"type":"boolean"}}""", "{\"i")]
    [InlineData("""{"type":"array","items":{"type":"string","minLength":2,"maxLength":4}}""", "[\"a")]
    [InlineData("""{"type":"array","items":{"type":"string","minLength":2,"maxLength":4}}""", "[\"abcd")]
    [InlineData("""{"type":"string"}""", "\"\\ud83d\\u")]
    [InlineData("""{"type":"array","items":{"type":"number","minimum":3,"maximum":250}}""", "[2")]
    [InlineData("""{"type":"array","items":{"type":["integer","null"]}}""", "[4")]
    [InlineData("""{"enum":["apple","apply","application"]}""", "\"app")]
    [InlineData("""{"type":"string","pattern":"^[a-f]+(ing|ed)$"}""", "\"be")]
    public void MaskIsWhatCanFollow(string schema, string text)
    {
        MambaTokenizer tokenizer = Tokenizers.Chat;
        Grammar grammar = GrammarText.Compile(schema);
        JsonConstraint constraint = JsonConstraint.Create(grammar, tokenizer, [0]);
        Automaton automaton = new(grammar, new CostTable(grammar, Vocabulary.Of(tokenizer, [0])));
        AutomatonState state = automaton.Start;
        foreach (int token in tokenizer.Encode(text))
        {
            Assert.True(constraint.TryAccept(token, 1000));
            state = automaton.Step(state, tokenizer.GetBytes(token));
        }

        int[] expected = [.. Enumerable.Range(0, tokenizer.VocabularySize).Where(id => id == 0
            ? state.IsAccepting
            : !tokenizer.IsSpecial(id) && !tokenizer.GetBytes(id).IsEmpty && !automaton.Step(state, tokenizer.GetBytes(id)).IsDead)];
        Assert.Equal(expected, ConstraintDriver.Allowed(constraint.Mask));
    }

    [Fact]
    public void ControlTokensAndUnusedRowsAreNotAllowed()
    {
        MambaTokenizer tokenizer = Tokenizers.Neox;
        JsonConstraint constraint = JsonConstraint.Create(Grammar.Json(JsonElement.Parse("""{"type":"string"}""")), tokenizer, []);
        Assert.True(constraint.TryAccept(tokenizer.Encode("\"")[0], 100));
        List<int> allowed = ConstraintDriver.Allowed(constraint.Mask);
        Assert.True(allowed.Count > 45_000);
        Assert.All(allowed, id => Assert.False(tokenizer.IsSpecial(id) || tokenizer.GetBytes(id).IsEmpty));
    }
}
