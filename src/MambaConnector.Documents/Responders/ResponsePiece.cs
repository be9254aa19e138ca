namespace MambaConnector.Documents.Responders;

/// <summary>A piece of a text that is being written.</summary>
/// <param name="Text">May be empty.</param>
/// <param name="FinishReason">Null on every piece but the last.</param>
/// <param name="IsCutOff">Whether something else than the model or a limit ended the text, as a filter does: it may be another the next time.</param>
internal readonly record struct ResponsePiece(string Text, FinishReason? FinishReason = null, bool IsCutOff = false);
