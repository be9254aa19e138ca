namespace MambaConnector.Chat;

/// <summary>Remembers the tokens of replies that were generated here. A history rendered with them gives the tokens that a state has seen,
/// even where encoding a reply's text gives others.</summary>
internal interface IKnownReplies
{
    /// <summary>Looks up the tokens that were generated as a reply.</summary>
    /// <param name="prompt">All tokens before the reply, its generation prompt included.</param>
    /// <param name="reply">The assistant's turn.</param>
    /// <param name="tokens">The tokens, without the token that ended the reply.</param>
    /// <returns>Whether this reply was generated after this prompt.</returns>
    bool TryGet(ReadOnlySpan<int> prompt, ChatTurn reply, out ReadOnlyMemory<int> tokens);
}
