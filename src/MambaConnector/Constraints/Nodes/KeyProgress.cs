namespace MambaConnector.Constraints;

/// <summary>A key that is being written, and the members before it.</summary>
/// <param name="Text">The key so far.</param>
/// <param name="Members">The members before it.</param>
internal sealed record KeyProgress(string Text, Members Members);
