namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>chat --prompt</c>.</summary>
/// <param name="Tokens">Ids of the reply, without end tokens and what a stop text cut off.</param>
/// <param name="Text">The reply.</param>
/// <param name="FinishReason"><c>stop</c> or <c>length</c>.</param>
/// <param name="TokenCount">Tokens that the conversation holds now.</param>
internal sealed record ChatDocument(IReadOnlyList<int> Tokens, string Text, string FinishReason, long TokenCount);
