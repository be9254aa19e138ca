namespace MambaConnector.Documents.Responders;

/// <summary>A finished text in a journal.</summary>
/// <param name="Key">What it follows from.</param>
/// <param name="Text">The text.</param>
/// <param name="Reason">Why it ended.</param>
/// <param name="Check">A hash of the others.</param>
internal sealed record JournalLine(string Key, string Text, FinishReason Reason, string Check);
