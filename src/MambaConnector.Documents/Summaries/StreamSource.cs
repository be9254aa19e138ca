using System.Runtime.CompilerServices;
using MambaConnector.Documents.Indexing;

namespace MambaConnector.Documents.Summaries;

/// <summary>A document that is read as its summary goes, a section at a time: no more of it is in memory.</summary>
/// <remarks>Sections are those of an index, with four characters counted as a token: nobody here has a tokenizer. So they have no token
/// positions.</remarks>
/// <param name="document">Read from its position to its end.</param>
/// <param name="options">How the document is written.</param>
internal sealed class StreamSource(Stream document, DocumentReaderOptions options) : SummarySource
{
    private const int CharactersPerToken = 4;

    private static readonly int _sectionTokens = new DocumentIndexOptions().SectionTokens;

    /// <inheritdoc/>
    public override async IAsyncEnumerable<(DocumentSection Section, Func<string> Text)> SectionsAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        SectionBuilder builder = new(_sectionTokens);
        int count = 0;
        await foreach (DocumentBlock block in DocumentReader.ReadAsync(document, options, cancellationToken).ConfigureAwait(false))
        {
            int tokens = (block.Text.Length / CharactersPerToken) + 1;
            if (builder.EndsBefore(block, tokens))
            {
                yield return Finish(builder, count++);
                builder.Next();
            }

            builder.Add(block, new int[tokens], origin: 0);
        }

        if (!builder.IsEmpty)
        {
            yield return Finish(builder, count);
        }
    }

    private static (DocumentSection Section, Func<string> Text) Finish(SectionBuilder builder, int index)
    {
        string text = string.Join("\n\n", builder.Blocks);
        return (builder.ToSection(index, 0) with { TokenEnd = 0 }, () => text);
    }
}
