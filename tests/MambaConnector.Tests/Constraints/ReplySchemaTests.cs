using System.Text.Json;
using MambaConnector.Constraints;
using MambaConnector.Tests.Constraints.Validation;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Constraints;

public class ReplySchemaTests
{
    [Theory]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"}}}""", """{"a":1}""", true)]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"}}}""", """{"b":1}""", false)]
    [InlineData("""{"type":"object","properties":{"a":{"type":"object","properties":{"b":{}}}}}""", """{"a":{"c":1}}""", false)]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":true}""", """{"b":1}""", true)]
    [InlineData("""{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":{"type":"integer"}}""", """{"b":1}""", true)]
    [InlineData("""{"type":"object"}""", """{"b":1}""", true)]
    [InlineData("""{}""", """{"b":1}""", true)]
    [InlineData("true", """{"b":1}""", true)]
    public void PropertiesThatAreNotDeclaredAreNotWritten(string schema, string value, bool isWritten)
    {
        Assert.True(JsonSchemaValidator.IsValid(JsonElement.Parse(schema), JsonElement.Parse(value), out string? _));
        JsonConstraint constraint = JsonConstraint.Create(ReplySchema.Compile(JsonElement.Parse(schema)), TestTokenizer.Create(), [TestTokenizer.ImEnd]);
        Assert.Equal(isWritten, TestTokenizer.Tokens(value).All(token => constraint.TryAccept(token, 1000)));
    }

    [Fact]
    public void PartsThatExcludeEachOthersPropertiesStayOpen()
    {
        const string schema = """
            {"allOf":[{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]},{"type":"object","properties":{"b":{"type":"integer"}},"required":["b"]}]}
            """;
        JsonConstraint constraint = JsonConstraint.Create(ReplySchema.Compile(JsonElement.Parse(schema)), TestTokenizer.Create(), [TestTokenizer.ImEnd]);
        Assert.All(TestTokenizer.Tokens("""{"a":1,"b":2}"""), token => Assert.True(constraint.TryAccept(token, 1000)));
    }

    [Fact]
    public void ASchemaThatNothingFitsIsRefused() => Assert.Throws<ArgumentException>(
        () => ReplySchema.Compile(JsonElement.Parse("""{"type":"string","minLength":2,"maxLength":1}""")));
}
