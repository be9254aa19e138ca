using System.Globalization;

namespace MambaConnector.Documents.Summaries;

/// <summary>What a model is told to do.</summary>
/// <param name="options">Length, form, language.</param>
internal sealed class SummaryInstructions(DocumentSummaryOptions options)
{
    /// <summary>For a section.</summary>
    public string Section => Summarise("this part of the text", options.SectionWords);

    /// <summary>For the whole document.</summary>
    public string Document => Summarise("the text", options.Words);

    /// <summary>For a passage made of summaries.</summary>
    /// <param name="isLast">Whether it is to be the document's own.</param>
    public string Reduce(bool isLast) => Summarise(
        "the whole text from these summaries of its parts", isLast ? options.Words : options.SectionWords);

    /// <summary>For a passage made of a summary and what follows it.</summary>
    /// <param name="isLast">Whether it is to be the document's own.</param>
    public string Running(bool isLast) => Summarise(
        "all of it, the earlier summary and the new part,", isLast ? options.Words : options.SectionWords);

    private string Summarise(string what, int words)
    {
        string form = options.Style switch
        {
            DocumentSummaryStyle.Bullets => string.Create(CultureInfo.InvariantCulture, $" as a list of points, in about {words} words"),
            DocumentSummaryStyle.Sentence => " in one sentence",
            _ => string.Create(CultureInfo.InvariantCulture, $" in about {words} words"),
        };
        string language = options.Language is { Length: > 0 } name ? $", in {name}" : "";
        string focus = options.Focus is { Length: > 0 } subject ? $" Pay attention to {subject}." : "";
        return $"Summarize {what}{form}{language}.{focus} Write the summary only.";
    }
}
