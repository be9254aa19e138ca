namespace MambaConnector.Documents.Reading;

/// <summary>Where a text that is too long is cut.</summary>
internal static class TextCut
{
    /// <summary>Finds the last end of a line or of a sentence in the second half of what may stand before a cut, else the last end of a word, else
    /// the last place that is between two characters.</summary>
    /// <param name="text">Longer than <paramref name="maxLength"/>.</param>
    /// <param name="maxLength">Characters before the cut at most, 2 or more.</param>
    /// <returns>How many characters stand before the cut: at least one.</returns>
    public static int Find(ReadOnlySpan<char> text, int maxLength)
    {
        int word = 0;
        for (int cut = maxLength; cut > maxLength / 2; cut--)
        {
            if (EndsSentence(text, cut))
            {
                return cut;
            }

            if (word == 0 && char.IsWhiteSpace(text[cut - 1]))
            {
                word = cut;
            }
        }

        return word > 0 ? word : char.IsHighSurrogate(text[maxLength - 1]) ? maxLength - 1 : maxLength;
    }

    private static bool EndsSentence(ReadOnlySpan<char> text, int cut)
    {
        char last = text[cut - 1];
        if (last is '\n' or '。' or '！' or '？')
        {
            return true;
        }

        if (!char.IsWhiteSpace(last))
        {
            return false;
        }

        int end = cut - 1;
        while (end > 0 && IsClosing(text[end - 1]))
        {
            end--;
        }

        return end > 0 && text[end - 1] is ('.' or '!' or '?' or '…');
    }

    private static bool IsClosing(char value) => value is '"' or '\'' or ')' or ']' or '”' or '’' or '»';
}
