namespace MambaConnector;

/// <summary>One step of a generation.</summary>
/// <param name="Id">The token that was chosen.</param>
/// <param name="Text">The text that became certain with it: often empty, while bytes of a character are missing or while the text so far may be
/// the beginning of a stop sequence. The texts of all steps make the whole text. Empty where the model has no tokenizer.</param>
/// <param name="FinishReason">Null on every step but the last.</param>
/// <param name="RemovedTokens">On the last step: how many of the last ids, this one included, the session does not hold: 1 for an end token,
/// the tokens of a stop sequence, 0 at <see cref="FinishReason.Length"/>.</param>
public readonly record struct GeneratedToken(int Id, string Text, FinishReason? FinishReason = null, int RemovedTokens = 0);
