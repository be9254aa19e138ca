namespace MambaConnector.Tests.Constraints;

/// <summary>What is not supported is refused by its name and its place.</summary>
public sealed class SchemaRefusalTests
{
    [Theory]
    [InlineData("""{"type":"object","properties":{"a":{"not":{"type":"null"}}}}""", "'not' at '#/properties/a/not'")]
    [InlineData("""{"type":"array","items":{"uniqueItems":true}}""", "'uniqueItems' at '#/items/uniqueItems'")]
    [InlineData("""{"anyOf":[{},{"patternProperties":{}}]}""", "'patternProperties' at '#/anyOf/1/patternProperties'")]
    [InlineData("""{"$defs":{"a/b":{"if":true}},"$ref":"#/$defs/a~1b"}""", "'if' at '#/$defs/a~1b/if'")]
    [InlineData("""{"type":"integer","multipleOf":5}""", "'multipleOf' at '#/multipleOf'")]
    [InlineData("""{"oneOf":[{"type":"integer"},{"type":"number"}]}""", "'oneOf' at '#/oneOf'")]
    [InlineData("""{"$ref":"https://example.com/schema"}""", "'$ref' at '#/$ref'")]
    [InlineData("""{"type":"array","items":[{"type":"null"}]}""", "write prefixItems")]
    [InlineData("""{"allOf":[{"pattern":"a"},{"pattern":"b"}]}""", "'pattern' at '#/allOf/1/pattern'")]
    [InlineData("""{"allOf":[{"additionalProperties":false},{"properties":{"a":{}}}]}""", "'additionalProperties' at '#/allOf/0/additionalProperties'")]
    [InlineData("""{"type":"object","minProperties":2}""", "'minProperties' at '#/minProperties'")]
    [InlineData("""{"type":"string","pattern":"(?=a)"}""", "'#/pattern', \"(?=a)\", is not supported: it looks ahead")]
    [InlineData("""{"type":"string","pattern":"\\bword"}""", "the border of a word")]
    [InlineData("""{"type":"string","pattern":"(a)\\1"}""", "refers back to a group")]
    [InlineData("""{"type":"string","pattern":"(?<!a)"}""", "it looks behind")]
    [InlineData("""{"type":"string","pattern":"(a"}""", "a group is not closed")]
    [InlineData("""{"type":"string","pattern":"a{3,2}"}""", "the wrong way round")]
    [InlineData("""{"type":"string","pattern":"\\p{Script=Greek}"}""", "\\p{Script=Greek}")]
    [InlineData("""{"type":"string","pattern":"(a{1000}){1000}"}""", "needs more than")]
    [InlineData("""{"type":"string","pattern":"^(a{0,900}){3}$"}""", "overlap in too many ways")]
    public void WhatIsNotSupported(string schema, string message)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(() => GrammarText.Compile(schema));
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("false", "'#' is false: no value fits it")]
    [InlineData("1", "'#' is no schema")]
    [InlineData("""{"type":"object","required":["a"],"properties":{"a":false}}""", "cannot be satisfied")]
    [InlineData("""{"type":"object","required":["a"],"additionalProperties":false}""", "cannot be satisfied")]
    [InlineData("""{"type":"integer","minimum":3,"maximum":2}""", "cannot be satisfied")]
    [InlineData("""{"type":"integer","minimum":1e15}""", "cannot be satisfied")]
    [InlineData("""{"type":"string","minLength":3,"maxLength":2}""", "cannot be satisfied")]
    [InlineData("""{"type":"string","pattern":"^a$","minLength":2}""", "cannot be satisfied")]
    [InlineData("""{"type":"array","minItems":1,"items":false}""", "cannot be satisfied")]
    [InlineData("""{"enum":[1],"type":"string"}""", "cannot be satisfied")]
    [InlineData("""{"enum":[]}""", "cannot be satisfied")]
    [InlineData("""{"type":"object","properties":{"next":{"$ref":"#"}},"required":["next"]}""", "cannot be satisfied")]
    [InlineData("""{"$ref":"#"}""", "cannot be satisfied")]
    [InlineData("""{"allOf":[{"$ref":"#"}]}""", "refers to itself without end")]
    [InlineData("""{"type":"object","anyOf":[{"$ref":"#"}]}""", "refers to itself without end")]
    [InlineData("""{"$ref":"#/$defs/none"}""", "'#/$ref' refers to '#/$defs/none', which is not there")]
    [InlineData("""{"type":"text"}""", "'#/type' names no type of JSON: \"text\"")]
    [InlineData("""{"type":"string","maxLength":-1}""", "'#/maxLength' must be a whole number from 0")]
    [InlineData("""{"type":"integer","minimum":"1"}""", "'#/minimum' must be a number")]
    [InlineData("""{"type":"object","properties":[]}""", "'#/properties' must be an object")]
    [InlineData("""{"type":"object","required":"a"}""", "'#/required' must be an array")]
    public void WhatIsWrong(string schema, string message)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(() => GrammarText.Compile(schema));
        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }
}
