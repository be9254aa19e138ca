namespace MambaConnector.Tokenization;

/// <summary><c>Split</c> with a fixed text, and <c>CharDelimiterSplit</c>.</summary>
internal sealed class LiteralSplit(string literal, SplitBehavior behavior, bool invert = false) : PreTokenizer
{
    public override string Signature => $"Split(text {literal}, {behavior}{(invert ? ", inverted" : "")})";

    public override void Split(ReadOnlySpan<char> text, bool atStart, PieceSink sink)
    {
        var joiner = new PieceJoiner(text, atStart, behavior, sink);
        var position = 0;
        for (int found; (found = text[position..].IndexOf(literal, StringComparison.Ordinal)) >= 0; position += found + literal.Length)
        {
            joiner.Add(position, position + found, invert);
            joiner.Add(position + found, position + found + literal.Length, !invert);
        }

        joiner.Add(position, text.Length, invert);
        joiner.Flush();
    }
}
