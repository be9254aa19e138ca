namespace MambaConnector.Tokenization;

/// <summary><c>Split</c> with a regular expression.</summary>
internal sealed class PatternSplit(SplitPattern pattern, SplitBehavior behavior, bool invert = false) : PreTokenizer
{
    public override string Signature => $"Split(regex {pattern.Text}, {behavior}{(invert ? ", inverted" : "")})";

    public override void Split(ReadOnlySpan<char> text, bool atStart, PieceSink sink)
    {
        var joiner = new PieceJoiner(text, atStart, behavior, sink);
        var position = 0;
        while (pattern.Find(text, position, out var start, out var end))
        {
            joiner.Add(position, start, invert);
            joiner.Add(start, end, !invert);
            position = end;
        }

        joiner.Add(position, text.Length, invert);
        joiner.Flush();
    }
}
