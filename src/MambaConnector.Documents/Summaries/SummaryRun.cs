using System.Runtime.CompilerServices;
using MambaConnector.Documents.Responders;

namespace MambaConnector.Documents.Summaries;

/// <summary>One summary of one document.</summary>
/// <param name="responder">Who writes.</param>
/// <param name="options">Checked.</param>
internal sealed class SummaryRun(IResponder responder, DocumentSummaryOptions options)
{
    private readonly SummaryInstructions _instructions = new(options);

    /// <summary>Summarises as the options say.</summary>
    /// <param name="source">The document.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Pieces of summaries; the last update has the whole result.</returns>
    /// <exception cref="InvalidDataException">The document has no text, or is too long for a single pass.</exception>
    public async IAsyncEnumerable<DocumentSummaryUpdate> RunAsync(SummarySource source, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        IAsyncEnumerable<DocumentSummaryUpdate> updates;
        if (options.Strategy == DocumentSummaryStrategy.SinglePass)
        {
            (IReadOnlyList<DocumentSection> sections, DocumentPlace place) =
                await source.WholeAsync(responder, cancellationToken).ConfigureAwait(false);
            updates = SinglePassAsync(sections, place, cancellationToken);
        }
        else
        {
            IAsyncEnumerable<SummaryUnit> units = source.UnitsAsync(responder, options, cancellationToken);
            updates = options.Strategy == DocumentSummaryStrategy.Running
                ? RunningAsync(units, cancellationToken)
                : HierarchicalAsync(units, cancellationToken);
        }

        await foreach (DocumentSummaryUpdate update in updates.ConfigureAwait(false))
        {
            yield return update;
        }
    }

    /// <summary>Asks once about the whole document.</summary>
    /// <param name="sections">Its sections.</param>
    /// <param name="place">The document.</param>
    /// <param name="cancellationToken">Ends it.</param>
    private async IAsyncEnumerable<DocumentSummaryUpdate> SinglePassAsync(
        IReadOnlyList<DocumentSection> sections, DocumentPlace place, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        SummaryText summary = new(sections);
        await foreach (DocumentSummaryUpdate update in WriteAsync(
            summary, DocumentSummaryPhase.Document, place, _instructions.Document, options.Words, cancellationToken).ConfigureAwait(false))
        {
            yield return update;
        }

        yield return End(summary, []);
    }

    /// <summary>Summarises every section, then summaries, until one is left.</summary>
    /// <param name="units">What the document consists of, in its order; one at least.</param>
    /// <param name="cancellationToken">Ends it.</param>
    private async IAsyncEnumerable<DocumentSummaryUpdate> HierarchicalAsync(
        IAsyncEnumerable<SummaryUnit> units, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        List<SummaryText> texts = [];
        await foreach ((SummaryUnit unit, bool isFirst, bool isLast) in Marked(units, cancellationToken).ConfigureAwait(false))
        {
            bool isOnly = isFirst && isLast;
            SummaryText text = new([unit.Section]);
            await foreach (DocumentSummaryUpdate update in WriteAsync(
                text, isOnly ? DocumentSummaryPhase.Document : DocumentSummaryPhase.Section, unit.Place,
                isOnly ? _instructions.Document : _instructions.Section, isOnly ? options.Words : options.SectionWords, cancellationToken)
                .ConfigureAwait(false))
            {
                yield return update;
            }

            texts.Add(text);
        }

        IReadOnlyList<DocumentSectionSummary> sections = SectionsOf(texts);
        List<SummaryText> useful = [.. texts.Where(text => text.Text.Length > 0)];
        bool isOneOfMany = texts.Count > 1 && useful.Count <= 1;
        texts = useful.Count > 0 ? useful : texts[..1];
        while (texts.Count > 1)
        {
            List<SummaryText> reduced = [];
            List<List<SummaryText>> groups = SummaryPassage.Group(texts, responder.MaxPassage);
            foreach (List<SummaryText> group in groups)
            {
                if (group is [SummaryText single])
                {
                    reduced.Add(single);
                    continue;
                }

                bool isLast = groups.Count == 1;
                SummaryText text = new([.. group.SelectMany(part => part.Sections).Distinct()]);
                await foreach (DocumentSummaryUpdate update in WriteAsync(
                    text, isLast ? DocumentSummaryPhase.Document : DocumentSummaryPhase.Reduce,
                    new DocumentPlace.Passage(SummaryPassage.Join(group, responder.MaxPassage)), _instructions.Reduce(isLast),
                    isLast ? options.Words : options.SectionWords, cancellationToken).ConfigureAwait(false))
                {
                    yield return update;
                }

                reduced.Add(text);
            }

            texts = reduced;
        }

        if (isOneOfMany)
        {
            yield return new DocumentSummaryUpdate(DocumentSummaryPhase.Document, texts[0].Sections, texts[0].Text, texts[0].FinishReason);
        }

        yield return End(texts[0], sections);
    }

    /// <summary>Carries one summary from unit to unit.</summary>
    /// <param name="units">What the document consists of, in its order, as passages; one at least.</param>
    /// <param name="cancellationToken">Ends it.</param>
    private async IAsyncEnumerable<DocumentSummaryUpdate> RunningAsync(
        IAsyncEnumerable<SummaryUnit> units, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        List<DocumentSectionSummary> summaries = [];
        List<DocumentSection> cited = [];
        SummaryText? last = null;
        SummaryText? useful = null;
        await foreach ((SummaryUnit unit, bool isFirst, bool isLast) in Marked(units, cancellationToken).ConfigureAwait(false))
        {
            string next = ((DocumentPlace.Passage)unit.Place).Content;
            string passage = isFirst ? next
                : SummaryPassage.Continue(PassageText.Shorten(useful?.Text ?? "", responder.MaxPassage / 4), next);
            bool isCited = cited.Count > 0 && cited[^1] == unit.Section;
            SummaryText text = new(isCited ? [.. cited] : [.. cited, unit.Section]);
            await foreach (DocumentSummaryUpdate update in WriteAsync(
                text, isLast ? DocumentSummaryPhase.Document : DocumentSummaryPhase.Section, new DocumentPlace.Passage(passage),
                isFirst && isLast ? _instructions.Document : isFirst ? _instructions.Section : _instructions.Running(isLast),
                isLast ? options.Words : options.SectionWords, cancellationToken).ConfigureAwait(false))
            {
                yield return update;
            }

            last = text;
            summaries.Add(new DocumentSectionSummary(unit.Section, text.Text));
            if (text.Text.Length > 0)
            {
                useful = text;
                if (!isCited)
                {
                    cited.Add(unit.Section);
                }
            }
        }

        // A model that says nothing of a part does not end what was said before it.
        if (useful is not null && useful != last)
        {
            yield return new DocumentSummaryUpdate(DocumentSummaryPhase.Document, useful.Sections, useful.Text, useful.FinishReason);
        }

        yield return End(useful ?? last!, summaries);
    }

    private static IReadOnlyList<DocumentSectionSummary> SectionsOf(List<SummaryText> texts) =>
    [
        .. texts.GroupBy(text => text.Sections[0]).Select(
            parts => new DocumentSectionSummary(parts.Key, string.Join(' ', parts.Select(part => part.Text).Where(text => text.Length > 0)))),
    ];

    private static async IAsyncEnumerable<(SummaryUnit Unit, bool IsFirst, bool IsLast)> Marked(
        IAsyncEnumerable<SummaryUnit> units, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using IAsyncEnumerator<SummaryUnit> enumerator = units.GetAsyncEnumerator(cancellationToken);
        if (!await enumerator.MoveNextAsync().ConfigureAwait(false))
        {
            throw SummarySource.Empty();
        }

        bool isFirst = true;
        for (bool hasMore = true; hasMore; isFirst = false)
        {
            SummaryUnit unit = enumerator.Current;
            hasMore = await enumerator.MoveNextAsync().ConfigureAwait(false);
            yield return (unit, isFirst, !hasMore);
        }
    }

    private DocumentSummaryUpdate End(SummaryText summary, IReadOnlyList<DocumentSectionSummary> sections) => new(
        DocumentSummaryPhase.Document, summary.Sections, "",
        Summary: new DocumentSummary(summary.Text, options.Strategy, summary.Sections, sections, summary.FinishReason));

    private async IAsyncEnumerable<DocumentSummaryUpdate> WriteAsync(
        SummaryText text, DocumentSummaryPhase phase, DocumentPlace place, string instruction, int words,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        IAsyncEnumerable<ResponsePiece> pieces = responder.RespondAsync(place, instruction, options.GenerationFor(words), cancellationToken);
        await foreach (ResponsePiece piece in pieces.ConfigureAwait(false))
        {
            text.Add(piece);
            yield return new DocumentSummaryUpdate(phase, text.Sections, piece.Text, piece.FinishReason);
        }
    }
}
