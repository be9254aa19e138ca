using MambaConnector.Documents.Responders;

namespace MambaConnector.Documents.Summaries;

/// <summary>A text on the way to a summary.</summary>
/// <param name="sections">What it is made from, in the document's order.</param>
internal sealed class SummaryText(IReadOnlyList<DocumentSection> sections) : WrittenText
{
    /// <summary>What it is made from, in the document's order.</summary>
    public IReadOnlyList<DocumentSection> Sections => sections;
}
