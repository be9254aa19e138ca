namespace MambaConnector.Documents.Reading;

/// <summary>HTML in Markdown that blank lines do not end: the kinds 1 to 5 of HTML blocks (spec.commonmark.org, 4.6).</summary>
internal static class MarkdownHtml
{
    /// <summary>Characters of the longest end.</summary>
    public const int MaxEnd = 11;

    private const int MaxIndent = 3;

    private static readonly string[] _elements = ["pre", "script", "style", "textarea"];
    private static readonly string[] _elementEnds = ["</pre>", "</script>", "</style>", "</textarea>"];
    private static readonly string[] _commentEnds = ["-->"];
    private static readonly string[] _instructionEnds = ["?>"];
    private static readonly string[] _declarationEnds = [">"];
    private static readonly string[] _dataEnds = ["]]>"];

    /// <summary>What ends the HTML that a line begins, in that line or a later one; null: it begins none.</summary>
    public static string[]? EndsOf(ReadOnlySpan<char> line)
    {
        ReadOnlySpan<char> text = line.TrimStart(' ');
        return line.Length - text.Length > MaxIndent ? null : text switch
        {
            ['<', '!', '-', '-', ..] => _commentEnds,
            ['<', '?', ..] => _instructionEnds,
            ['<', '!', '[', 'C', 'D', 'A', 'T', 'A', '[', ..] => _dataEnds,
            ['<', '!', >= 'A' and <= 'Z' or >= 'a' and <= 'z', ..] => _declarationEnds,
            ['<', .. ReadOnlySpan<char> rest] when BeginsElement(rest) => _elementEnds,
            _ => null,
        };
    }

    /// <summary>Whether one of the ends is in a text.</summary>
    public static bool Contains(ReadOnlySpan<char> text, string[] ends)
    {
        foreach (string end in ends)
        {
            if (text.Contains(end, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    private static bool BeginsElement(ReadOnlySpan<char> text)
    {
        foreach (string name in _elements)
        {
            if (text.StartsWith(name, StringComparison.OrdinalIgnoreCase) &&
                (text.Length == name.Length || text[name.Length] is '>' or ' ' or '\t'))
            {
                return true;
            }
        }

        return false;
    }
}
