namespace MambaConnector.Chat;

/// <summary>A conversation as tokens, up to and with the opening of the next reply.</summary>
/// <param name="Tokens">The tokens.</param>
/// <param name="Borders">How many tokens there are at the end of what the template begins with, and of each turn; ascending. Left out is an
/// end that is inside a token or a text encoded as one, as for a vocabulary without the template's control tokens.</param>
internal sealed record RenderedPrompt(int[] Tokens, int[] Borders);
