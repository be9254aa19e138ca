using System.Text.Json;
using MambaConnector.Tests.Constraints.Validation;

namespace MambaConnector.Conformance.Support;

/// <summary>Values against schemas, by the independent judge.</summary>
internal static class Validation
{
    public static bool Fits(JsonElement schema, JsonElement value, out string? why) => JsonSchemaValidator.IsValid(schema, value, out why);
}
