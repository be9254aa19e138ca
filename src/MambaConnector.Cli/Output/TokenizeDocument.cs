namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>tokenize</c>.</summary>
/// <param name="Ids">The token ids.</param>
/// <param name="Tokens">The tokens as the vocabulary spells them.</param>
internal sealed record TokenizeDocument(IReadOnlyList<int> Ids, IReadOnlyList<string> Tokens);
