using System.Text.Json;

namespace MambaConnector.Tests.Constraints.Validation;

/// <summary>The judge, judged: by what a public validator said, and where that is not exact by the specification.</summary>
public sealed class JsonSchemaValidatorTests
{
    [Fact]
    public void SaysWhatAPublicValidatorSays()
    {
        using JsonDocument file = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "json-schema-vectors.json")));
        List<string> wrong = [];
        int count = 0;
        foreach (JsonElement vector in file.RootElement.GetProperty("vectors").EnumerateArray())
        {
            count++;
            bool isValid = JsonSchemaValidator.IsValid(vector.GetProperty("schema"), vector.GetProperty("value"), out string? why);
            if (isValid != vector.GetProperty("valid").GetBoolean())
            {
                wrong.Add($"{vector.GetRawText()}: {why}");
            }

            Assert.Equal(isValid, why is null);
        }

        Assert.InRange(count, 1000, int.MaxValue);
        Assert.True(wrong.Count == 0, $"{wrong.Count} of {count}:\n{string.Join('\n', wrong)}");
    }

    [Theory]
    [InlineData("""{"maximum":9007199254740992}""", "9007199254740993", false)]
    [InlineData("""{"const":9007199254740993}""", "9007199254740992", false)]
    [InlineData("""{"exclusiveMinimum":0}""", "1e-999999999999", true)]
    [InlineData("""{"maximum":1}""", "1e999999999999", false)]
    [InlineData("""{"type":"integer"}""", "1e999999999999", true)]
    [InlineData("""{"multipleOf":7}""", "1e999999999999", false)]
    [InlineData("""{"multipleOf":0.1}""", "0.3", true)]
    [InlineData("""{"multipleOf":0.01}""", "19.99", true)]
    [InlineData("""{"multipleOf":0.01}""", "19.995", false)]
    public void NumbersAreExact(string schema, string value, bool expected) => Assert.Equal(expected, IsValid(schema, value));

    [Theory]
    [InlineData("""{"a":1,"a":1}""")]
    [InlineData("""[{"b":{"a":1,"\u0061":2}}]""")]
    [InlineData("""{"a":"\ud83d"}""")]
    public void WhatReadersDifferAboutFitsNothing(string value) => Assert.False(IsValid("true", value));

    [Theory]
    [InlineData("""{"patternProperties":{"a":true}}""")]
    [InlineData("""{"$ref":"https://example.com/schema"}""")]
    [InlineData("""{"$ref":"#"}""")]
    [InlineData("""{"type":"text"}""")]
    public void WhatItDoesNotKnowIsAnError(string schema) => Assert.Throws<NotSupportedException>(() => IsValid(schema, "1"));

    private static bool IsValid(string schema, string value) =>
        JsonSchemaValidator.IsValid(JsonElement.Parse(schema), JsonElement.Parse(value), out _);
}
