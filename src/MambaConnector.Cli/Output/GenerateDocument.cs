namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>generate</c>.</summary>
/// <param name="PromptTokens">Ids that went in.</param>
/// <param name="Tokens">Ids that came out, without end tokens and what a stop text cut off.</param>
/// <param name="Text">Their text.</param>
/// <param name="FinishReason"><c>stop</c> or <c>length</c>.</param>
internal sealed record GenerateDocument(IReadOnlyList<int> PromptTokens, IReadOnlyList<int> Tokens, string Text, string FinishReason);
