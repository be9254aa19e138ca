using System.ComponentModel;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using MambaConnector.Documents.Responders;
using MambaConnector.Documents.Summaries;

namespace MambaConnector.Documents.Functions;

/// <summary>What the functions do. Names, numbers and questions come from a model, and all it gets is text.</summary>
/// <param name="documents">By name.</param>
/// <param name="options">How to answer.</param>
internal sealed class DocumentTools(IReadOnlyDictionary<string, DocumentIndex> documents, DocumentFunctionOptions options)
{
    private const string AboutDocument = "The document's name; may be left out where there is one document.";

    public string ListSections(
        [Description(AboutDocument)] string? document = null, [Description("The number of the first section to list.")] int first = 0)
    {
        if (!TryFind(document, out DocumentIndex? index, out string problem))
        {
            return problem;
        }

        StringBuilder list = new();
        foreach (DocumentSection section in index.Sections.Skip(first))
        {
            string line = Line(section);
            if (list.Length > 0 && list.Length + line.Length > options.MaxCharacters)
            {
                return list.Append(CultureInfo.InvariantCulture, $"There are more: go on with first = {section.Index}.").ToString();
            }

            list.Append(line).Append('\n');
        }

        return list.Length > 0 ? list.ToString() : NoSection(index, first);
    }

    public string ReadDocument(
        [Description("The section's number.")] int section, [Description(AboutDocument)] string? document = null,
        [Description("Characters of the section to pass over.")] int offset = 0)
    {
        if (!TryFind(document, section, out DocumentIndex? index, out string problem))
        {
            return problem;
        }

        string text = index.GetText(section);
        if (offset < 0 || offset >= text.Length)
        {
            return string.Create(CultureInfo.InvariantCulture, $"The section has {text.Length} characters: there is nothing at {offset}.");
        }

        string part = PassageText.Shorten(text[offset..], options.MaxCharacters);
        int rest = text.Length - offset - part.Length;
        return rest == 0 ? part : string.Create(
            CultureInfo.InvariantCulture, $"{part}\n\n({rest} characters more: go on with offset = {offset + part.Length}.)");
    }

    public async Task<string> SummarizeSectionAsync(
        [Description("The section's number.")] int section, [Description(AboutDocument)] string? document = null,
        CancellationToken cancellationToken = default)
    {
        if (!TryFind(document, section, out DocumentIndex? index, out string problem))
        {
            return problem;
        }

        WrittenText text = new();
        DocumentPlace place = new DocumentPlace.Alone(index.Sections[section]);
        IAsyncEnumerable<ResponsePiece> pieces = new StateResponder(index, 0).RespondAsync(
            place, new SummaryInstructions(options.Summary).Section, options.Summary.GenerationFor(options.Summary.SectionWords), cancellationToken);
        await foreach (ResponsePiece piece in pieces.ConfigureAwait(false))
        {
            text.Add(piece);
        }

        return text.Text;
    }

    public async Task<string> AskDocumentAsync(
        [Description("The question.")] string question, [Description(AboutDocument)] string? document = null,
        CancellationToken cancellationToken = default)
    {
        if (!TryFind(document, out DocumentIndex? index, out string problem))
        {
            return problem;
        }

        question = DocumentPrompt.Clean(question ?? "");
        if (string.IsNullOrWhiteSpace(question) || index.Sections.Count == 0)
        {
            return index.Sections.Count == 0 ? "The document has no text." : "The question is empty.";
        }

        DocumentAnswer answer = await new DocumentQuestions(index).AskAsync(question, options.Question, cancellationToken).ConfigureAwait(false);
        string source = answer.Section is { } section ? $"section {Line(section)}" : "the whole document";
        return string.Create(CultureInfo.InvariantCulture, $"{answer.Text}\n\n(From {source}, bytes {answer.Start} to {answer.End})");
    }

    private static string Line(DocumentSection section) => string.Create(
        CultureInfo.InvariantCulture,
        $"{section.Index}: {(section.Title.Length > 0 ? section.Title : "(no title)")}{(section.Part > 1 ? $", part {section.Part}" : "")}");

    private static string NoSection(DocumentIndex index, int section) => index.Sections.Count == 0 ? "The document has no text." : string.Create(
        CultureInfo.InvariantCulture, $"There is no section {section}: they run from 0 to {index.Sections.Count - 1}.");

    private bool TryFind(string? document, int section, [NotNullWhen(true)] out DocumentIndex? index, out string problem)
    {
        if (TryFind(document, out index, out problem) && (section < 0 || section >= index.Sections.Count))
        {
            problem = NoSection(index, section);
            return false;
        }

        return index is not null;
    }

    private bool TryFind(string? document, [NotNullWhen(true)] out DocumentIndex? index, out string problem)
    {
        problem = "";
        index = null;
        if (string.IsNullOrEmpty(document) && documents.Count == 1)
        {
            index = documents.Values.Single();
        }
        else if (document is null || !documents.TryGetValue(document, out index))
        {
            problem = $"There is no document '{document}'; there are: {string.Join(", ", documents.Keys)}.";
        }

        return index is not null;
    }
}
