using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Constraints.Validation;

/// <summary>The generators are good for something: most of what they make is of use.</summary>
public sealed class RandomSchemaTests
{
    [Fact]
    public void MostSchemasHaveValuesThatFit()
    {
        int schemas = 0;
        int values = 0;
        Prop.ForAll(RandomSchema.Create(), Gen.Choose(0, int.MaxValue).ToArbitrary(), (text, seed) =>
        {
            JsonElement schema = JsonElement.Parse(text);
            RandomValue random = new(schema, new Random(seed));
            schemas++;
            try
            {
                bool fits = Enumerable.Range(0, 8).Any(
                    _ => random.Next() is string value && JsonSchemaValidator.IsValid(schema, JsonElement.Parse(value), out string? _));
                values += fits ? 1 : 0;
            }
            catch (NotSupportedException)
            {
                // It refers to itself for the same value: what that means is not defined.
            }
        }).Check(PropertyConfig.Of(400));

        Assert.InRange(values, schemas * 2 / 3, schemas);
    }
}
