namespace MambaConnector.Cli;

/// <summary>Text for a session, as tokens.</summary>
internal static class SessionEncoding
{
    /// <summary>The tokens of plain text, after the begin token where the model wants one and the session is empty.</summary>
    public static int[] Encode(this MambaSession session, string text)
    {
        MambaTokenizer tokenizer = session.Model.Tokenizer;
        return tokenizer.Encode(text, parseSpecial: false, addBos: tokenizer.AddsBos && session.TokenCount == 0);
    }
}
