namespace MambaConnector.Backend;

/// <summary>One session's part of an evaluation: the next <paramref name="TokenCount"/> tokens of the batch are its own.</summary>
/// <param name="Session">Stands in a batch once.</param>
/// <param name="TokenCount">0, with one row of logits: those after the last token that the session consumed.</param>
/// <param name="LogitsCount">Rows of logits, of the last this many tokens.</param>
internal readonly record struct EvaluationItem(IBackendSession Session, int TokenCount, int LogitsCount);
