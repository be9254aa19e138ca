namespace MambaConnector;

/// <summary>A tool call of the model that no message has answered yet.</summary>
/// <param name="Id">What the answer refers to.</param>
/// <param name="Name">The tool.</param>
internal sealed record OpenToolCall(string Id, string Name);
