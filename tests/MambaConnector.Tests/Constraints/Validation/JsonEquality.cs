using System.Text.Json;

namespace MambaConnector.Tests.Constraints.Validation;

/// <summary>JSON Schema's equality: numbers by value, properties in any order.</summary>
internal static class JsonEquality
{
    public static bool AreEqual(JsonElement left, JsonElement right)
    {
        if (left.ValueKind != right.ValueKind)
        {
            return false;
        }

        switch (left.ValueKind)
        {
            case JsonValueKind.Number:
                return JsonDecimal.Of(left) == JsonDecimal.Of(right);
            case JsonValueKind.String:
                return left.GetString() == right.GetString();
            case JsonValueKind.Array:
                return left.GetArrayLength() == right.GetArrayLength() && left.EnumerateArray().Zip(right.EnumerateArray()).All(AreEqual);
            case JsonValueKind.Object:
                return left.GetPropertyCount() == right.GetPropertyCount()
                    && left.EnumerateObject().All(
                        member => right.TryGetProperty(member.Name, out JsonElement other) && AreEqual(member.Value, other));
            default:
                return true;
        }
    }

    private static bool AreEqual((JsonElement First, JsonElement Second) pair) => AreEqual(pair.First, pair.Second);
}
