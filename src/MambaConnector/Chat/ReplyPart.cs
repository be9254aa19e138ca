namespace MambaConnector.Chat;

/// <summary>A part of a reply: either text or a call.</summary>
/// <param name="Text">What the model says; empty for a call.</param>
/// <param name="Call">What it calls; null for text.</param>
internal readonly record struct ReplyPart(string Text, ToolCall? Call);
