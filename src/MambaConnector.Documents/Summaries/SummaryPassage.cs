using MambaConnector.Documents.Responders;

namespace MambaConnector.Documents.Summaries;

/// <summary>Passages made of summaries.</summary>
internal static class SummaryPassage
{
    private const string Between = "\n\n";

    /// <summary>Gathers summaries to groups of which each fits a prompt. Of several, one group at least holds two, so that to summarise each group
    /// leaves fewer.</summary>
    /// <param name="texts">The summaries, in order.</param>
    /// <param name="maxLength">Characters of a prompt at most.</param>
    public static List<List<SummaryText>> Group(IReadOnlyList<SummaryText> texts, int maxLength)
    {
        List<List<SummaryText>> groups = [];
        int length = 0;
        foreach (SummaryText text in texts)
        {
            int more = Entry(text, maxLength).Length + Between.Length;
            if (groups.Count == 0 || length + more > maxLength)
            {
                groups.Add([]);
                length = 0;
            }

            groups[^1].Add(text);
            length += more;
        }

        return groups;
    }

    /// <summary>Summaries as one passage, each under its section's title where it is of one section.</summary>
    public static string Join(IEnumerable<SummaryText> texts, int maxLength) => string.Join(Between, texts.Select(text => Entry(text, maxLength)));

    /// <summary>A running summary and what comes after it.</summary>
    public static string Continue(string summary, string next) =>
        $"The summary so far:\n{summary}\n\nWhat comes next:\n{next}";

    private static string Entry(SummaryText text, int maxLength)
    {
        string title = text.Sections is [{ Title: { Length: > 0 } name }] ? $"{name}:\n" : "";
        return PassageText.Shorten(title + text.Text, (maxLength / 2) - Between.Length);
    }
}
