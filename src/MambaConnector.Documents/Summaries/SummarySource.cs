using System.Runtime.CompilerServices;
using MambaConnector.Documents.Responders;

namespace MambaConnector.Documents.Summaries;

/// <summary>A document as summaries take it.</summary>
internal abstract class SummarySource
{
    /// <summary>Its sections, in their order, with their texts.</summary>
    public abstract IAsyncEnumerable<(DocumentSection Section, Func<string> Text)> SectionsAsync(CancellationToken cancellationToken);

    /// <summary>What is summarised at once, in the document's order.</summary>
    /// <param name="responder">Who reads it.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async IAsyncEnumerable<SummaryUnit> UnitsAsync(
        IResponder responder, DocumentSummaryOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        bool isRunning = options.Strategy == DocumentSummaryStrategy.Running;
        int maxLength = isRunning ? responder.MaxPassage / 2 : responder.MaxPassage; // a running summary needs room before it
        await foreach ((DocumentSection section, Func<string> text) in SectionsAsync(cancellationToken).ConfigureAwait(false))
        {
            if (responder.HasDocument && !isRunning)
            {
                yield return new SummaryUnit(
                    section, options.SectionsKnowWhatCameBefore ? new DocumentPlace.Behind(section) : new DocumentPlace.Alone(section));
                continue;
            }

            foreach (string part in PassageText.Split(text(), maxLength))
            {
                yield return new SummaryUnit(section, new DocumentPlace.Passage(part));
            }
        }
    }

    /// <summary>The whole document, to be asked about at once.</summary>
    /// <param name="responder">Who reads it.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="InvalidDataException">It is too long for the responder, or has no text.</exception>
    public async Task<(IReadOnlyList<DocumentSection> Sections, DocumentPlace Place)> WholeAsync(
        IResponder responder, CancellationToken cancellationToken)
    {
        List<DocumentSection> sections = [];
        List<string> texts = [];
        long length = 0;
        await foreach ((DocumentSection section, Func<string> text) in SectionsAsync(cancellationToken).ConfigureAwait(false))
        {
            sections.Add(section);
            if (responder.HasDocument)
            {
                continue;
            }

            texts.Add(text());
            length += texts[^1].Length + 2;
            if (length > responder.MaxPassage)
            {
                throw new InvalidDataException(
                    $"The document has more than the {responder.MaxPassage} characters that one prompt may have, so it cannot be summarised " +
                    $"in a single pass: choose {nameof(DocumentSummaryStrategy)}.{nameof(DocumentSummaryStrategy.Hierarchical)}, or a larger " +
                    $"{nameof(DocumentSummaryOptions.MaxPromptCharacters)}.");
            }
        }

        return sections.Count == 0
            ? throw Empty()
            : (sections, responder.HasDocument ? new DocumentPlace.Whole() : new DocumentPlace.Passage(string.Join("\n\n", texts)));
    }

    /// <summary>What to say of a document without text.</summary>
    public static InvalidDataException Empty() => new("The document has no text, so there is nothing to summarise.");
}
