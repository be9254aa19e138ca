using System.Globalization;
using MambaConnector.Documents;

namespace MambaConnector.Cli.Documents;

/// <summary>Writes a summary out as it comes: progress while sections are summarised, or their summaries, then the document's, then where it comes
/// from.</summary>
/// <param name="console">Draws progress.</param>
/// <param name="output">Receives the text.</param>
/// <param name="withSections">Whether the summaries of sections are written too.</param>
internal sealed class SummaryWriter(ToolConsole console, TextWriter output, bool withSections)
{
    /// <summary>Writes all updates.</summary>
    /// <param name="updates">The updates.</param>
    /// <param name="sectionCount">Sections of the document.</param>
    public async Task<DocumentSummary> WriteAsync(IAsyncEnumerable<DocumentSummaryUpdate> updates, int sectionCount)
    {
        await using IAsyncEnumerator<DocumentSummaryUpdate> enumerator = updates.GetAsyncEnumerator();
        await (withSections ? SectionsAsync(enumerator) : console.WithNotedProgressAsync(
            "Summarizing", progress => PassOverAsync(enumerator, sectionCount, progress)));
        do
        {
            await output.WriteAsync(enumerator.Current.Text);
        }
        while (enumerator.Current.Summary is null && await enumerator.MoveNextAsync());

        DocumentSummary summary = enumerator.Current.Summary!;
        await output.WriteLineAsync();
        await output.WriteLineAsync();
        foreach (string line in Sources(summary.Sections, sectionCount))
        {
            await output.WriteLineAsync($"(from {line})");
        }

        return summary;
    }

    private static IEnumerable<string> Sources(IReadOnlyList<DocumentSection> sections, int sectionCount) =>
        sections.Count > 1 && sections.Count == sectionCount
            ? [string.Create(CultureInfo.InvariantCulture, $"all {sectionCount} sections, bytes {sections[0].Start} to {sections[^1].End}")]
            : sections.Select(SectionText.Describe);

    private static async Task PassOverAsync(IAsyncEnumerator<DocumentSummaryUpdate> updates, int sectionCount, IProgress<WorkDone> progress)
    {
        while (await updates.MoveNextAsync() && updates.Current.Phase != DocumentSummaryPhase.Document)
        {
            DocumentSection section = updates.Current.Sections[^1];
            progress.Report(new WorkDone((double)section.Index / sectionCount, section.Title));
        }
    }

    private async Task SectionsAsync(IAsyncEnumerator<DocumentSummaryUpdate> updates)
    {
        bool isBegun = false;
        while (await updates.MoveNextAsync() && updates.Current.Phase != DocumentSummaryPhase.Document)
        {
            if (updates.Current.Phase == DocumentSummaryPhase.Reduce)
            {
                continue;
            }

            if (!isBegun)
            {
                DocumentSection section = updates.Current.Sections[^1];
                await output.WriteLineAsync($"[{section.Index}]{SectionText.Title(section)}");
                isBegun = true;
            }

            await output.WriteAsync(updates.Current.Text);
            if (updates.Current.FinishReason is not null)
            {
                await output.WriteLineAsync();
                await output.WriteLineAsync();
                isBegun = false;
            }
        }
    }
}
