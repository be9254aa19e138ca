using MambaConnector.Documents.Functions;
using Microsoft.Extensions.AI;

namespace MambaConnector.Documents;

/// <summary>Documents that were read, as functions for any agent that calls some.</summary>
/// <remarks>The functions read no files: an agent reaches the documents that it was given, and no others. What an agent asks for that is not there,
/// it is told in a sentence; nothing is thrown.</remarks>
public static class DocumentFunctions
{
    /// <summary>Functions for one document: <c>list_sections</c>, <c>read_document</c>, <c>summarize_section</c>, <c>ask_document</c>.</summary>
    /// <param name="index">The document; the caller's, and open as long as functions may be called.</param>
    /// <param name="options">How they answer; null: as <see cref="DocumentFunctionOptions"/> begins.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public static IList<AIFunction> Create(DocumentIndex index, DocumentFunctionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(index);
        return Create(new Dictionary<string, DocumentIndex> { [Path.GetFileNameWithoutExtension(index.Path)] = index }, options);
    }

    /// <summary>The same functions for several documents, each of which takes the document's name.</summary>
    /// <param name="documents">The documents by the names that an agent calls them; the caller's, and open as long as functions may be called. One
    /// or more.</param>
    /// <param name="options">How they answer; null: as <see cref="DocumentFunctionOptions"/> begins.</param>
    /// <exception cref="ArgumentException">There are no documents, or an option is out of its range.</exception>
    public static IList<AIFunction> Create(IReadOnlyDictionary<string, DocumentIndex> documents, DocumentFunctionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(documents);
        if (documents.Count == 0)
        {
            throw new ArgumentException("There is no document for the functions to be about.", nameof(documents));
        }

        options ??= new DocumentFunctionOptions();
        options.Check();
        DocumentTools tools = new(new Dictionary<string, DocumentIndex>(documents, StringComparer.Ordinal), options);
        string names = string.Join(", ", documents.Keys);
        return
        [
            AIFunctionFactory.Create(
                tools.ListSections, "list_sections", $"Lists the sections of a document with their numbers and titles. Documents: {names}."),
            AIFunctionFactory.Create(tools.ReadDocument, "read_document", "Gives the text of a section of a document."),
            AIFunctionFactory.Create(tools.SummarizeSectionAsync, "summarize_section", "Summarizes a section of a document."),
            AIFunctionFactory.Create(
                tools.AskDocumentAsync, "ask_document", "Answers a question about a document, and says where the answer comes from."),
        ];
    }
}
