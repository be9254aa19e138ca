using System.Text.Json;
using MambaConnector.Constraints;
using MambaConnector.Tests.Constraints.Validation;

namespace MambaConnector.Tests.Constraints;

/// <summary>Whatever a model prefers and however few tokens it has, its text is complete and fits.</summary>
public sealed class AdversaryTests
{
    private static readonly int[] Slack = [0, 1, 2, 3, 5, 10, 30];
    private static readonly int[] FewSlack = [0, 1, 4, 25];

    private static readonly string[] Schemas =
    [
        "{}",
        """{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name","age"],"additionalProperties":false}""",
        """{"type":"object","properties":{"name":{"type":"string","maxLength":5},"tags":{"type":"array","items":{"enum":["a","bé",1,null,{"x":[1,2]}]},"minItems":2,"maxItems":4}},"required":["tags"],"additionalProperties":{"type":"boolean"}}""",
        """{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}],"items":{"type":"boolean"},"minItems":3}""",
        """{"type":"string","minLength":40,"maxLength":50}""",
        """{"type":"string","pattern":"^[A-Z]{2}\\d{3,5}(-[a-zé☃]+)?$"}""",
        """{"type":"string","pattern":"b+c","minLength":5,"maxLength":9}""",
        """{"type":"string","pattern":"^[^a-z]{2}\\s\\S☃😀?$"}""",
        """{"type":"number","minimum":-1.5,"exclusiveMaximum":2.25}""",
        """{"type":"integer","minimum":17,"maximum":2301}""",
        """{"type":["number","null"]}""",
        """{"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":{"v":{"type":"integer"},"l":{"$ref":"#/$defs/n"},"r":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}},"required":["v","r"]}}}""",
        """{"type":"object","properties":{"a":{"const":"x"},"b":{"type":"number"}},"required":["b","zz"],"additionalProperties":{"type":"integer"}}""",
        """{"anyOf":[{"type":"object","properties":{"k":{"const":"one"},"v":{"type":"integer"}},"required":["k","v"],"additionalProperties":false},{"type":"object","properties":{"k":{"const":"two"},"w":{"type":"string"}},"required":["k","w"],"additionalProperties":false}]}""",
        """{"type":"string","format":"date-time"}""",
    ];

    public static TheoryData<string, Adversary> Cases()
    {
        TheoryData<string, Adversary> cases = [];
        foreach (string tokenizer in (string[])["bytes", "chat", "neox", "sentencepiece"])
        {
            foreach (Adversary adversary in Enum.GetValues<Adversary>())
            {
                cases.Add(tokenizer, adversary);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void TextsAreCompleteAndFit(string tokenizerName, Adversary adversary)
    {
        MambaTokenizer tokenizer = Tokenizers.Named(tokenizerName);
        int end = Tokenizers.End(tokenizer);
        for (int index = 0; index < Schemas.Length; index++)
        {
            JsonElement schema = JsonElement.Parse(Schemas[index]);
            Grammar grammar = Grammar.Json(schema);
            int minimum = JsonConstraint.Create(grammar, tokenizer, [end]).MinimumTokens;
            foreach (int slack in tokenizerName == "bytes" ? Slack : FewSlack)
            {
                JsonConstraint constraint = JsonConstraint.Create(grammar, tokenizer, [end]);
                List<int> tokens = ConstraintDriver.Generate(constraint, tokenizer, end, minimum + slack, adversary, seed: index + slack);
                string text = ConstraintDriver.Text(tokenizer, tokens);
                Assert.InRange(tokens.Count, 1, minimum + slack);
                Assert.True(JsonSchemaValidator.IsValid(schema, JsonElement.Parse(text), out string? why), $"{Schemas[index]}: {text}: {why}");
            }
        }
    }

    /// <summary>Deep enough to meet the limit of nesting, and long enough that an automaton begins anew.</summary>
    [Theory]
    [InlineData(Adversary.Nesting)]
    [InlineData(Adversary.Random)]
    public void LongTextsAreCompleteAndFit(Adversary adversary)
    {
        JsonElement schema = JsonElement.Parse("""{"type":"array","items":{"type":"object","additionalProperties":{"$ref":"#"}},"minItems":1}""");
        JsonConstraint constraint = JsonConstraint.Create(Grammar.Json(schema), Tokenizers.Chat, [0]);
        List<int> tokens = ConstraintDriver.Generate(constraint, Tokenizers.Chat, 0, 1500, adversary);
        string text = ConstraintDriver.Text(Tokenizers.Chat, tokens);
        Assert.True(JsonSchemaValidator.IsValid(schema, JsonElement.Parse(text), out string? why), why);
    }
}
