namespace MambaConnector.Tests.Constraints;

/// <summary>What each keyword lets through, and what it does not.</summary>
public sealed class SchemaKeywordTests
{
    [Theory]
    [InlineData("{}", "{\"a\":[1,null,\"x\"]}", true)]
    [InlineData("true", "-12.5", true)]
    [InlineData("""{"type":"null"}""", "null", true)]
    [InlineData("""{"type":"null"}""", "0", false)]
    [InlineData("""{"type":"boolean"}""", "false", true)]
    [InlineData("""{"type":["string","null"]}""", "null", true)]
    [InlineData("""{"type":["string","null"]}""", "\"null\"", true)]
    [InlineData("""{"type":["string","null"]}""", "1", false)]
    [InlineData("""{"type":"string","nullable":true}""", "null", true)]
    [InlineData("""{"properties":{"a":{}}}""", "{}", true)]
    [InlineData("""{"properties":{"a":{}}}""", "1", false)]
    [InlineData("""{"title":"t","description":"d","default":1,"examples":[2],"$schema":"s","$id":"i","$comment":"c","x-y":1}""", "\"any\"", true)]
    public void Type(string schema, string text, bool fits) => Assert.Equal(fits, GrammarText.Accepts(schema, text));

    [Theory]
    [InlineData("{\"a\":1,\"b\":\"\"}", true)]
    [InlineData("{\"b\": \"\", \"a\": 1}", true)]
    [InlineData("{\"a\":1}", true)]
    [InlineData("{\"b\":\"\"}", false)]
    [InlineData("{}", false)]
    [InlineData("{\"a\":1,}", false)]
    [InlineData("{\"a\":1,\"a\":2}", false)]
    [InlineData("{\"a\":1,\"c\":true}", true)]
    [InlineData("{\"a\":1,\"c\":true,\"c\":true}", false)]
    [InlineData("{\"a\":1,\"c\":true,\"\\u0063\":true}", false)]
    [InlineData("{\"a\":1,\"c\":1}", false)]
    [InlineData("{\"\\u0061\":1}", false)]
    [InlineData("{\"a\":1,\"\\u0062\":true}", false)]
    [InlineData("{\"a\":1,\"\":true}", true)]
    [InlineData("{\"a\":\"1\"}", false)]
    [InlineData("{\"a\":1,  \"b\":\"\"}", false)]
    [InlineData("{ \"a\":1}", false)]
    [InlineData("{\"a\" :1}", false)]
    public void Properties(string text, bool fits) => Assert.Equal(fits, GrammarText.Accepts(
        """{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},"required":["a"],"additionalProperties":{"type":"boolean"}}""",
        text));

    [Theory]
    [InlineData("""{"type":"object","properties":{"a":{}},"additionalProperties":false}""", "{}", true)]
    [InlineData("""{"type":"object","properties":{"a":{}},"additionalProperties":false}""", "{\"a\":{\"b\":1}}", true)]
    [InlineData("""{"type":"object","properties":{"a":{}},"additionalProperties":false}""", "{\"b\":1}", false)]
    [InlineData("""{"type":"object","properties":{"a":{}}}""", "{\"b\":[]}", true)]
    [InlineData("""{"type":"object","properties":{"a":false}}""", "{\"a\":1}", false)]
    [InlineData("""{"type":"object","properties":{"a":false}}""", "{\"b\":1}", true)]
    [InlineData("""{"type":"object","required":["z"],"additionalProperties":{"type":"null"}}""", "{\"y\":null,\"z\":null}", true)]
    [InlineData("""{"type":"object","required":["z"],"additionalProperties":{"type":"null"}}""", "{\"y\":null}", false)]
    [InlineData("""{"type":"object","properties":{"a\"\\\n":{"type":"null"}},"additionalProperties":false}""", "{\"a\\\"\\\\\\n\":null}", true)]
    public void AdditionalProperties(string schema, string text, bool fits) => Assert.Equal(fits, GrammarText.Accepts(schema, text));

    [Theory]
    [InlineData("""{"enum":["a",1,null,{"x":[1,2]}]}""", "\"a\"", true)]
    [InlineData("""{"enum":["a",1,null,{"x":[1,2]}]}""", "{\"x\":[1,2]}", true)]
    [InlineData("""{"enum":["a",1,null,{"x":[1,2]}]}""", "2", false)]
    [InlineData("""{"enum":["a",1,null],"type":"string"}""", "1", false)]
    [InlineData("""{"enum":["a",1,null],"type":["string","integer"]}""", "1", true)]
    [InlineData("""{"enum":[1,1.5],"type":"integer"}""", "1.5", false)]
    [InlineData("""{"enum":["a","abc"],"minLength":2}""", "\"abc\"", true)]
    [InlineData("""{"enum":["a","abc"],"minLength":2}""", "\"a\"", false)]
    [InlineData("""{"const":"é\""}""", "\"é\\\"\"", true)]
    [InlineData("""{"const":1e300}""", "1e300", true)]
    [InlineData("""{"enum":["a","b"],"const":"b"}""", "\"a\"", false)]
    public void Values(string schema, string text, bool fits) => Assert.Equal(fits, GrammarText.Accepts(schema, text));

    [Theory]
    [InlineData("""{"type":"array"}""", "[1, [], {}]", true)]
    [InlineData("""{"type":"array","items":{"type":"integer"}}""", "[1,2,3]", true)]
    [InlineData("""{"type":"array","items":{"type":"integer"}}""", "[1,\"\"]", false)]
    [InlineData("""{"type":"array","items":{"type":"integer"}}""", "[1,]", false)]
    [InlineData("""{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3}""", "[1]", false)]
    [InlineData("""{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3}""", "[1,2]", true)]
    [InlineData("""{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3}""", "[1,2,3]", true)]
    [InlineData("""{"type":"array","items":{"type":"integer"},"minItems":2,"maxItems":3}""", "[1,2,3,4]", false)]
    [InlineData("""{"type":"array","items":{"type":"integer"},"maxItems":0}""", "[]", true)]
    [InlineData("""{"type":"array","items":{"type":"integer"},"maxItems":0}""", "[1]", false)]
    [InlineData("""{"type":"array","prefixItems":[{"type":"null"},{"type":"boolean"}],"items":{"type":"integer"}}""", "[null,true,1,2]", true)]
    [InlineData("""{"type":"array","prefixItems":[{"type":"null"},{"type":"boolean"}],"items":{"type":"integer"}}""", "[null]", true)]
    [InlineData("""{"type":"array","prefixItems":[{"type":"null"},{"type":"boolean"}],"items":{"type":"integer"}}""", "[null,1]", false)]
    [InlineData("""{"type":"array","prefixItems":[{"type":"null"}],"items":false}""", "[null,null]", false)]
    [InlineData("""{"type":"array","prefixItems":[{"type":"null"}],"items":false}""", "[null]", true)]
    public void Arrays(string schema, string text, bool fits) => Assert.Equal(fits, GrammarText.Accepts(schema, text));

    [Theory]
    [InlineData("""{"type":"string"}""", "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9é☃😀\\ud83d\\uDE00\"", true)]
    [InlineData("""{"type":"string"}""", "\"\t\"", false)]
    [InlineData("""{"type":"string"}""", "\"\\x\"", false)]
    [InlineData("""{"type":"string"}""", "\"\\ud83d\"", false)]
    [InlineData("""{"type":"string"}""", "\"\\ude00\"", false)]
    [InlineData("""{"type":"string"}""", "\"\\ud83d\\u0041\"", false)]
    [InlineData("""{"type":"string"}""", "\"open", false)]
    [InlineData("""{"type":"string","minLength":2,"maxLength":3}""", "\"a\"", false)]
    [InlineData("""{"type":"string","minLength":2,"maxLength":3}""", "\"\\n😀\"", true)]
    [InlineData("""{"type":"string","minLength":2,"maxLength":3}""", "\"\\ud83d\\ude00\\u0041é\"", true)]
    [InlineData("""{"type":"string","minLength":2,"maxLength":3}""", "\"abcd\"", false)]
    [InlineData("""{"type":"string","maxLength":0}""", "\"\"", true)]
    [InlineData("""{"type":"string","maxLength":0}""", "\"a\"", false)]
    [InlineData("""{"type":"string","format":"email"}""", "\"no address\"", true)]
    [InlineData("""{"type":"string","format":"date"}""", "\"2024-02-28\"", true)]
    [InlineData("""{"type":"string","format":"date"}""", "\"2024-04-31\"", false)]
    [InlineData("""{"type":"string","format":"date-time"}""", "\"2024-12-31T23:59:59.25+01:00\"", true)]
    [InlineData("""{"type":"string","format":"date-time"}""", "\"2024-12-31\"", false)]
    [InlineData("""{"type":"string","format":"time"}""", "\"23:59:59\"", true)]
    [InlineData("""{"type":"string","format":"uuid"}""", "\"0123abcd-0123-4567-89ab-0123456789ab\"", true)]
    [InlineData("""{"type":"string","format":"uuid"}""", "\"0123abcd\"", false)]
    public void Strings(string schema, string text, bool fits) => Assert.Equal(fits, GrammarText.Accepts(schema, text));

    [Theory]
    [InlineData("""{"type":"integer"}""", "0", true)]
    [InlineData("""{"type":"integer"}""", "-7", true)]
    [InlineData("""{"type":"integer"}""", "-0", false)]
    [InlineData("""{"type":"integer"}""", "01", false)]
    [InlineData("""{"type":"integer"}""", "1.0", false)]
    [InlineData("""{"type":"integer"}""", "123456789012345", true)]
    [InlineData("""{"type":"integer"}""", "1234567890123456", false)]
    [InlineData("""{"type":"number","multipleOf":1}""", "1.5", false)]
    [InlineData("""{"type":"number"}""", "0.125", true)]
    [InlineData("""{"type":"number"}""", "-0.5", true)]
    [InlineData("""{"type":"number"}""", "-0.0", false)]
    [InlineData("""{"type":"number"}""", "1.", false)]
    [InlineData("""{"type":"number"}""", ".5", false)]
    [InlineData("""{"type":"number"}""", "1e5", false)]
    [InlineData("""{"type":"integer","minimum":17,"maximum":2301}""", "17", true)]
    [InlineData("""{"type":"integer","minimum":17,"maximum":2301}""", "16", false)]
    [InlineData("""{"type":"integer","minimum":17,"maximum":2301}""", "2301", true)]
    [InlineData("""{"type":"integer","minimum":17,"maximum":2301}""", "2302", false)]
    [InlineData("""{"type":"integer","minimum":1.5,"exclusiveMaximum":3}""", "2", true)]
    [InlineData("""{"type":"integer","minimum":1.5,"exclusiveMaximum":3}""", "1", false)]
    [InlineData("""{"type":"integer","minimum":1.5,"exclusiveMaximum":3}""", "3", false)]
    [InlineData("""{"type":"number","minimum":-1.5,"exclusiveMaximum":2.25}""", "-1.5", true)]
    [InlineData("""{"type":"number","minimum":-1.5,"exclusiveMaximum":2.25}""", "-1.51", false)]
    [InlineData("""{"type":"number","minimum":-1.5,"exclusiveMaximum":2.25}""", "2.25", false)]
    [InlineData("""{"type":"number","minimum":-1.5,"exclusiveMaximum":2.25}""", "2.2499", true)]
    [InlineData("""{"type":"number","exclusiveMinimum":0,"maximum":1e-3}""", "0.001", true)]
    [InlineData("""{"type":"number","exclusiveMinimum":0,"maximum":1e-3}""", "0.0011", false)]
    [InlineData("""{"type":"number","exclusiveMinimum":0,"maximum":1e-3}""", "0", false)]
    [InlineData("""{"type":"number","minimum":-1.7976931348623157E+308,"maximum":1.7976931348623157E+308}""", "-12.5", true)]
    [InlineData("""{"type":"integer","maximum":-5}""", "-5", true)]
    [InlineData("""{"type":"integer","maximum":-5}""", "-4", false)]
    [InlineData("""{"type":"integer","maximum":-5}""", "-40", true)]
    public void Numbers(string schema, string text, bool fits) => Assert.Equal(fits, GrammarText.Accepts(schema, text));

    [Theory]
    [InlineData("""{"anyOf":[{"type":"string"},{"type":"null"}]}""", "null", true)]
    [InlineData("""{"anyOf":[{"type":"string"},{"type":"null"}]}""", "1", false)]
    [InlineData("""{"type":"object","required":["k"],"anyOf":[{"properties":{"k":{"const":1}}},{"properties":{"k":{"const":2}}}]}""", "{\"k\":2}", true)]
    [InlineData("""{"type":"object","required":["k"],"anyOf":[{"properties":{"k":{"const":1}}},{"properties":{"k":{"const":2}}}]}""", "{\"k\":3}", false)]
    [InlineData("""{"oneOf":[{"type":"string"},{"type":"integer"}]}""", "5", true)]
    [InlineData("""{"oneOf":[{"const":1},{"enum":[2,3]}]}""", "3", true)]
    [InlineData("""{"allOf":[{"type":"integer","minimum":3},{"maximum":5}]}""", "4", true)]
    [InlineData("""{"allOf":[{"type":"integer","minimum":3},{"maximum":5}]}""", "6", false)]
    [InlineData("""{"allOf":[{"$ref":"#/$defs/a"}],"description":"d","$defs":{"a":{"type":"null"}}}""", "null", true)]
    [InlineData("""{"allOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"a":{"minimum":3},"b":{"type":"null"}},"required":["b"]}]}""", "{\"a\":3,\"b\":null}", true)]
    [InlineData("""{"allOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"a":{"minimum":3},"b":{"type":"null"}},"required":["b"]}]}""", "{\"a\":2,\"b\":null}", false)]
    [InlineData("""{"$ref":"#/definitions/a~1b%25","definitions":{"a/b%":{"type":"boolean"}}}""", "true", true)]
    [InlineData("""{"$ref":"#/$defs/a","minimum":2,"$defs":{"a":{"type":"integer"}}}""", "1", false)]
    [InlineData("""{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"additionalProperties":false}""", "{\"next\":{\"next\":null}}", true)]
    [InlineData("""{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"additionalProperties":false}""", "{\"next\":{\"next\":1}}", false)]
    [InlineData("""{"type":"object","properties":{"a":{"type":"array","items":{"type":"null"}},"b":{"$ref":"#/properties/a/items"}}}""", "{\"b\":null}", true)]
    public void Combinations(string schema, string text, bool fits) => Assert.Equal(fits, GrammarText.Accepts(schema, text));

    [Fact]
    public void AnyJsonIsAnyValueAndAnyObjectAnObject()
    {
        Assert.True(GrammarText.Accepts(MambaConnector.Constraints.Grammar.AnyJson(), "[{\"a\":-1.5}, null]"));
        Assert.True(GrammarText.Accepts(MambaConnector.Constraints.Grammar.AnyJsonObject(), "{\"a\":[true]}"));
        Assert.False(GrammarText.Accepts(MambaConnector.Constraints.Grammar.AnyJsonObject(), "[]"));
    }

    [Fact]
    public void ValuesNestNoDeeperThanReadersRead()
    {
        Assert.True(GrammarText.Accepts("{}", new string('[', 60) + new string(']', 60)));
        Assert.False(GrammarText.Accepts("{}", new string('[', 61) + new string(']', 61)));
    }
}
