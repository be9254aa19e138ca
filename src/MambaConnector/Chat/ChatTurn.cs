namespace MambaConnector;

/// <summary>One message of a conversation.</summary>
/// <param name="Role"><c>system</c>, <c>user</c> or <c>assistant</c> (<see cref="ChatRoles"/>).</param>
/// <param name="Content">What was said: plain text, whatever it looks like.</param>
public sealed record ChatTurn(string Role, string Content);
