namespace MambaConnector.Constraints;

/// <summary>What makes two frames the same.</summary>
internal readonly record struct FrameKey(Grammar Node, long Position, object? Detail, Frame? Parent);
