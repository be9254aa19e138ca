using MambaConnector.Chat;

namespace MambaConnector;

/// <summary>One message of a conversation.</summary>
/// <param name="Role"><c>system</c>, <c>user</c>, <c>assistant</c> or <c>tool</c> (<see cref="ChatRoles"/>).</param>
/// <param name="Content">What was said: plain text, whatever it looks like.</param>
public sealed record ChatTurn(string Role, string Content)
{
    /// <summary>Tools that an assistant's turn calls, after what it says.</summary>
    internal IReadOnlyList<ToolCall> ToolCalls { get; init; } = [];

    /// <summary>The <see cref="ToolCall.Id"/> that a tool's turn answers.</summary>
    internal string? ToolCallId { get; init; }

    /// <summary>The name of the tool that a tool's turn comes from.</summary>
    internal string? ToolName { get; init; }

    /// <summary>Whether both say the same.</summary>
    /// <param name="other">The other turn.</param>
    public bool Equals(ChatTurn? other) =>
        other is not null && Role == other.Role && Content == other.Content && ToolCallId == other.ToolCallId &&
        ToolName == other.ToolName && ToolCalls.SequenceEqual(other.ToolCalls);

    /// <summary>Equal turns have equal codes.</summary>
    public override int GetHashCode() => HashCode.Combine(Role, Content, ToolCallId, ToolName, ToolCalls.Count);
}
