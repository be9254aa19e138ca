using System.Globalization;
using MambaConnector.Documents;

namespace MambaConnector.Cli.Documents;

/// <summary>How people are told of sections.</summary>
internal static class SectionText
{
    /// <summary>One line: number, title, place.</summary>
    public static string Describe(DocumentSection section) => string.Create(
        CultureInfo.InvariantCulture, $"section {section.Index}{Title(section)}, bytes {section.Start} to {section.End}");

    /// <summary>The title and part, in brackets; nothing where there is neither.</summary>
    public static string Title(DocumentSection section)
    {
        string part = section.Part > 1 ? string.Create(CultureInfo.InvariantCulture, $", part {section.Part}") : "";
        string title = section.Title.ReplaceLineEndings(" ") + part;
        return title.Length > 0 ? $" ({title.TrimStart(',', ' ')})" : "";
    }
}
