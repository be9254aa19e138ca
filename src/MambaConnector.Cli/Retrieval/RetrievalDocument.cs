namespace MambaConnector.Cli.Retrieval;

/// <summary>A document with a key in it.</summary>
/// <param name="Length">Tokens of the prompt that it is asked about in, at most.</param>
/// <param name="Depth">How far into the document the key stands, 0 to 1.</param>
/// <param name="Sample">Which of those of this length and depth, from 0.</param>
/// <param name="Key">The number.</param>
/// <param name="Paragraphs">In their order, that of the key among them.</param>
internal sealed record RetrievalDocument(long Length, double Depth, int Sample, int Key, IReadOnlyList<RetrievalParagraph> Paragraphs)
{
    /// <summary>Paragraphs as text, with a blank line behind each.</summary>
    public static string ToText(IEnumerable<RetrievalParagraph> paragraphs) => string.Concat(paragraphs.Select(paragraph => $"{paragraph.Text}\n\n"));

    /// <summary>The last paragraphs that fit into so many tokens, as text.</summary>
    public string Tail(long tokens)
    {
        int first = Paragraphs.Count;
        for (long room = tokens; first > 0 && Paragraphs[first - 1].Tokens <= room; first--)
        {
            room -= Paragraphs[first - 1].Tokens;
        }

        return ToText(Paragraphs.Skip(first));
    }

    /// <summary>The whole in pieces of at most so many tokens, or of one longer paragraph.</summary>
    public IEnumerable<IReadOnlyList<RetrievalParagraph>> Cut(long tokens)
    {
        List<RetrievalParagraph> piece = [];
        long room = tokens;
        foreach (RetrievalParagraph paragraph in Paragraphs)
        {
            if (piece.Count > 0 && paragraph.Tokens > room)
            {
                yield return piece;
                piece = [];
                room = tokens;
            }

            piece.Add(paragraph);
            room -= paragraph.Tokens;
        }

        if (piece.Count > 0)
        {
            yield return piece;
        }
    }
}
