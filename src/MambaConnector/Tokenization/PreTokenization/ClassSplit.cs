namespace MambaConnector.Tokenization;

/// <summary>A split at every code point of a set: <c>Digits</c>, <c>Punctuation</c>, <c>WhitespaceSplit</c>.</summary>
/// <param name="name">The name of the set, for the signature.</param>
/// <param name="set">The code points that match, each by itself.</param>
/// <param name="behavior">What becomes of them.</param>
internal sealed class ClassSplit(string name, CodePointClass set, SplitBehavior behavior) : PreTokenizer
{
    public override string Signature => $"{name}({behavior})";

    /// <summary><c>Digits</c>: numbers of every script, each alone or in runs.</summary>
    public static ClassSplit Digits(bool individual) =>
        new("Digits", CodePointClass.Numeric, individual ? SplitBehavior.Isolated : SplitBehavior.Contiguous);

    /// <summary><c>Punctuation</c>.</summary>
    public static ClassSplit Punctuation(SplitBehavior behavior) => new("Punctuation", CodePointClass.Punctuation, behavior);

    /// <summary><c>WhitespaceSplit</c>: white space is dropped.</summary>
    public static ClassSplit WhiteSpace() => new("WhitespaceSplit", CodePointClass.WhiteSpace, SplitBehavior.Removed);

    public override void Split(ReadOnlySpan<char> text, bool atStart, PieceSink sink)
    {
        var joiner = new PieceJoiner(text, atStart, behavior, sink);
        var gap = 0;
        for (var i = 0; i < text.Length;)
        {
            var start = i;
            if (set.Contains(CodePoints.Next(text, ref i)))
            {
                joiner.Add(gap, start, false);
                joiner.Add(start, i, true);
                gap = i;
            }
        }

        joiner.Add(gap, text.Length, false);
        joiner.Flush();
    }
}
