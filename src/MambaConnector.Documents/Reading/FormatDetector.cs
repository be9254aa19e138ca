using System.Text.RegularExpressions;

namespace MambaConnector.Documents.Reading;

/// <summary>Finds how a document is written from its beginning.</summary>
internal static partial class FormatDetector
{
    /// <summary>Characters that are looked at.</summary>
    public const int HeadLength = 4096;

    private const int LeastMarks = 3;

    /// <param name="beginning">The document's first <see cref="HeadLength"/> characters, or all; more are not looked at.</param>
    public static DocumentFormat Detect(ReadOnlySpan<char> beginning)
    {
        ReadOnlySpan<char> head = beginning[..Math.Min(beginning.Length, HeadLength)].TrimStart();
        if (HtmlDocument().IsMatch(head))
        {
            return DocumentFormat.Html;
        }

        int marks = 0;
        foreach (ReadOnlySpan<char> line in head.EnumerateLines())
        {
            if (HeadingOrFence().IsMatch(line))
            {
                marks += 2;
            }
            else if (OtherMark().IsMatch(line))
            {
                marks++;
            }
        }

        // Markdown may begin with an element or a comment of HTML, and show none of its own marks before a heading.
        return HtmlStart().IsMatch(head) ? marks > 1 ? DocumentFormat.Markdown : DocumentFormat.Html
            : marks >= LeastMarks ? DocumentFormat.Markdown : DocumentFormat.Text;
    }

    [GeneratedRegex(@"^(<!--.*?-->\s*)*(<\?xml|<!doctype\s+html|<(html|head|body)[\s>/])", RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex HtmlDocument();

    [GeneratedRegex(@"^(<!--|<(title|meta|h[1-6]|p|div|article|section|table|ul|ol)[\s>/])", RegexOptions.IgnoreCase)]
    private static partial Regex HtmlStart();

    [GeneratedRegex(@"^(#{1,6} \S|```|~~~)")]
    private static partial Regex HeadingOrFence();

    [GeneratedRegex(@"^\s*([-*+] \S|> |\|.*\|\s*$)|\[[^\]]+\]\([^)]+\)|\*\*[^*]+\*\*|`[^`]+`")]
    private static partial Regex OtherMark();
}
