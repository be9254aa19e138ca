using System.Runtime.CompilerServices;

namespace MambaConnector.Documents.Summaries;

/// <summary>A document that was read.</summary>
/// <param name="index">Its index.</param>
internal sealed class IndexSource(DocumentIndex index) : SummarySource
{
    /// <inheritdoc/>
    public override async IAsyncEnumerable<(DocumentSection Section, Func<string> Text)> SectionsAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        foreach (DocumentSection section in index.Sections)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return (section, () => index.GetText(section.Index));
        }
    }
}
