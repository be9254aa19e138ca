using System.Diagnostics;
using System.Text;
using MambaConnector.Documents;

namespace MambaConnector.Cli.Retrieval;

/// <summary>A document that is read into an index in a temporary folder when it is first asked for.</summary>
/// <param name="model">Reads it.</param>
/// <param name="document">The document.</param>
/// <param name="options">How it is read.</param>
internal sealed class IndexedDocument(MambaModel model, RetrievalDocument document, DocumentIndexOptions options) : IDisposable
{
    private DirectoryInfo? _folder;
    private bool _hasSections;
    private double _indexSeconds;
    private double _sectionSeconds;

    /// <summary>The index; null where nobody asked for it.</summary>
    public DocumentIndex? Index { get; private set; }

    /// <summary>Reads what a source needs and was not read yet.</summary>
    /// <param name="source">The source.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Seconds that the reading of all that this source needs took, now or before.</returns>
    public async Task<double> ReadAsync(RetrievalSource source, CancellationToken cancellationToken)
    {
        if (source == RetrievalSource.Text)
        {
            return 0;
        }

        if (Index is null)
        {
            _folder ??= Directory.CreateTempSubdirectory("mamba-retrieval-");
            long start = Stopwatch.GetTimestamp();
            using MemoryStream text = new(Encoding.UTF8.GetBytes(RetrievalDocument.ToText(document.Paragraphs)));
            Index = await DocumentIndex.ReadAsync(
                model, text, Path.Combine(_folder.FullName, "document.index"), options, progress: null, cancellationToken);
            _indexSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        if (source == RetrievalSource.Index)
        {
            return _indexSeconds;
        }

        if (!_hasSections)
        {
            long start = Stopwatch.GetTimestamp();
            foreach (DocumentSection section in Index.Sections)
            {
                // Keeps the state beside the index.
                Index.OpenSection(section.Index, cancellationToken).Dispose();
            }

            _sectionSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            _hasSections = true;
        }

        return _indexSeconds + _sectionSeconds;
    }

    /// <summary>Removes the index.</summary>
    public void Dispose()
    {
        Index?.Dispose();
        _folder?.Delete(recursive: true);
    }
}
