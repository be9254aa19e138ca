namespace MambaConnector.Constraints;

/// <summary>A pattern is malformed, or uses what is not supported; the message names it.</summary>
internal sealed class PatternException(string message) : Exception(message);
