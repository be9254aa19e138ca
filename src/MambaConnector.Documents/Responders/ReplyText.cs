namespace MambaConnector.Documents.Responders;

/// <summary>The text of a session's reply, without white space before its first character.</summary>
internal sealed class ReplyText
{
    private bool _hasText;

    /// <summary>The next piece.</summary>
    public ResponsePiece Next(GeneratedToken token)
    {
        string text = _hasText ? token.Text : token.Text.TrimStart();
        _hasText |= text.Length > 0;
        return new ResponsePiece(text, token.FinishReason);
    }
}
