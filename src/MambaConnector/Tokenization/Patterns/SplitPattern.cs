namespace MambaConnector.Tokenization;

/// <summary>
/// A regular expression of the kind that tokenizers split text with, matched over code points with the semantics of Oniguruma
/// (what Hugging Face's library uses): first alternative that matches wins, loops are greedy, <c>$</c> is the end of a line. Immutable.
/// </summary>
/// <remarks>
/// The subset has no nested loops (a repeated group is refused), so that matching backtracks at most along single loops: no text makes
/// it explode.
/// </remarks>
internal sealed class SplitPattern
{
    private readonly PatternNode[] _branches;
    private readonly ulong[] _branchesByAscii = new ulong[128];
    private readonly CodePointClass? _leadingRun;

    /// <summary>Parses and compiles a pattern.</summary>
    /// <exception cref="InvalidDataException">The pattern is malformed or uses what is not supported; the message names it.</exception>
    public SplitPattern(string pattern)
    {
        Text = pattern;
        _branches = new SplitPatternParser(pattern).Parse();
        if (_branches.Length > 64)
        {
            throw new InvalidDataException($"The split pattern \"{pattern}\" has {_branches.Length} alternatives; 64 are supported.");
        }

        if (_branches.Any(branch => branch.MayBeEmpty))
        {
            throw new InvalidDataException($"The split pattern \"{pattern}\" matches the empty text, which is not supported.");
        }

        for (var c = 0; c < 128; c++)
        {
            for (var i = 0; i < _branches.Length; i++)
            {
                _branchesByAscii[c] |= (_branches[i].MayStartWith(c) ? 1UL : 0) << i;
            }
        }

        if (_branches is [{ Kind: PatternNodeKind.Loop, Maximum: int.MaxValue, Minimum: <= 1, Possessive: false } only])
        {
            _leadingRun = only.Class;
        }
    }

    /// <summary>The pattern as it was written.</summary>
    public string Text { get; }

    /// <summary>Finds the first match at or after <paramref name="from"/>.</summary>
    /// <returns>Whether there is one; its bounds are <paramref name="start"/> and <paramref name="end"/>.</returns>
    public bool Find(ReadOnlySpan<char> text, int from, out int start, out int end)
    {
        for (start = from; start < text.Length; CodePoints.Next(text, ref start))
        {
            end = MatchAt(text, start);
            if (end > start)
            {
                return true;
            }

            if (_leadingRun is not null && _leadingRun.Contains(text[start]))
            {
                // A failed leading loop has tried every end of its run: no later start inside the run can do better. Keeps `\s+$` linear.
                var next = start;
                while (next < text.Length && _leadingRun.Contains(CodePoints.Next(text, ref next)))
                {
                    start = next;
                }

                if (start == text.Length)
                {
                    break;
                }
            }
        }

        start = end = text.Length;
        return false;
    }

    private int MatchAt(ReadOnlySpan<char> text, int position)
    {
        var candidates = text[position] < 128 ? _branchesByAscii[text[position]] : ulong.MaxValue;
        for (var i = 0; i < _branches.Length; i++)
        {
            if ((candidates >> i & 1) != 0)
            {
                var end = Match(_branches[i], text, position);
                if (end >= 0)
                {
                    return end;
                }
            }
        }

        return -1;
    }

    // Returns the end of the match or -1. Recursion is bounded by the length of the pattern, not of the text.
    private static int Match(PatternNode node, ReadOnlySpan<char> text, int position)
    {
        while (true)
        {
            switch (node.Kind)
            {
                case PatternNodeKind.Accept:
                    return position;

                case PatternNodeKind.Loop:
                    var end = position;
                    var count = 0;
                    while (count < node.Maximum && end < text.Length)
                    {
                        var next = end;
                        if (!node.Class.Contains(CodePoints.Next(text, ref next)))
                        {
                            break;
                        }

                        end = next;
                        count++;
                    }

                    if (count < node.Minimum)
                    {
                        return -1;
                    }

                    for (; count > node.Minimum && !node.Possessive && node.Next.Kind != PatternNodeKind.Accept; count--)
                    {
                        var result = Match(node.Next, text, end);
                        if (result >= 0)
                        {
                            return result;
                        }

                        CodePoints.Previous(text, ref end);
                    }

                    position = end;
                    break;

                case PatternNodeKind.Alternation:
                    foreach (var branch in node.Branches)
                    {
                        var result = Match(branch, text, position);
                        if (result >= 0)
                        {
                            return result;
                        }
                    }

                    return -1;

                case PatternNodeKind.Lookahead:
                    if ((Match(node.Branches[0], text, position) >= 0) == node.Negative)
                    {
                        return -1;
                    }

                    break;

                case PatternNodeKind.LineStart:
                    if (position > 0 && text[position - 1] != '\n')
                    {
                        return -1;
                    }

                    break;

                case PatternNodeKind.LineEnd:
                    if (position < text.Length && text[position] != '\n')
                    {
                        return -1;
                    }

                    break;
            }

            node = node.Next;
        }
    }
}
