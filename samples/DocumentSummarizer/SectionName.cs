using System.Globalization;
using MambaConnector.Documents;

namespace SummarizerSample;

/// <summary>What sections are called.</summary>
internal static class SectionName
{
    /// <summary>Of a section: its number, title and part.</summary>
    public static string Of(DocumentSection section) => string.Create(
        CultureInfo.InvariantCulture,
        $"{section.Index}{(section.Title.Length > 0 ? $" {section.Title}" : "")}{(section.Part > 1 ? $", part {section.Part}" : "")}");

    /// <summary>Of what a piece of a summary belongs to.</summary>
    public static string Of(DocumentSummaryUpdate update) => update.Phase switch
    {
        DocumentSummaryPhase.Document => "the whole document",
        DocumentSummaryPhase.Reduce => $"{update.Sections[0].Index} to {update.Sections[^1].Index}",
        _ => Of(update.Sections[^1]),
    };
}
