using MambaConnector.Documents;

namespace MambaConnector.Cli.Retrieval;

/// <summary>Asks about each piece of the document alone, then about the answers, until there is one.</summary>
/// <param name="question">Asks.</param>
/// <param name="tokenizer">Counts the tokens of answers.</param>
/// <param name="pieceTokens">Tokens of a piece.</param>
/// <param name="mostTokens">Tokens of answers that are asked about together.</param>
internal sealed class MapReduceWay(ChatQuestion question, MambaTokenizer tokenizer, long pieceTokens, long mostTokens) : IRetrievalWay
{
    public string Name => RetrievalWays.MapReduce;

    public RetrievalSource Source => RetrievalSource.Text;

    public long TokensToRead(long length) => length;

    public async Task<string> AskAsync(RetrievalDocument document, DocumentIndex? index, string text, CancellationToken cancellationToken)
    {
        List<string> answers = [];
        foreach (IReadOnlyList<RetrievalParagraph> piece in document.Cut(pieceTokens))
        {
            answers.Add(await question.AskAsync(RetrievalDocument.ToText(piece), text, cancellationToken));
        }

        while (answers.Count > 1)
        {
            List<string> fewer = [];
            foreach (IReadOnlyList<RetrievalParagraph> group in Group(answers))
            {
                fewer.Add(await question.AskAsync(RetrievalDocument.ToText(group), text, cancellationToken));
            }

            answers = fewer;
        }

        return answers[0];
    }

    // At least two of them in each, so that it comes to an end.
    private IEnumerable<IReadOnlyList<RetrievalParagraph>> Group(List<string> answers)
    {
        RetrievalParagraph[] paragraphs =
        [
            .. answers.Select(answer => new RetrievalParagraph(answer, tokenizer.Encode($"{answer}\n\n", parseSpecial: false, addBos: false).Length)),
        ];
        long most = Math.Max(mostTokens, 2L * paragraphs.Max(paragraph => paragraph.Tokens));
        return new RetrievalDocument(0, 0, 0, 0, paragraphs).Cut(most);
    }
}
