using System.Text.Json;

namespace MambaConnector.Chat;

/// <summary>A model's wish that a tool be run.</summary>
/// <param name="Id">What the result is to name; null where nobody gave one.</param>
/// <param name="Name">The tool's name.</param>
/// <param name="Arguments">What the tool gets, a JSON object.</param>
internal sealed record ToolCall(string? Id, string Name, JsonElement Arguments)
{
    /// <summary>Whether both ask for the same; arguments are compared as JSON values.</summary>
    public bool Equals(ToolCall? other) =>
        other is not null && Id == other.Id && Name == other.Name && JsonElement.DeepEquals(Arguments, other.Arguments);

    public override int GetHashCode() => HashCode.Combine(Id, Name);
}
