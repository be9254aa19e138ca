using MambaConnector.Cli.Retrieval;

namespace MambaConnector.Cli.Merging;

/// <summary>A document with a key in it, in parts that are read alone.</summary>
/// <param name="Key">The number.</param>
/// <param name="Parts">Tokens, part by part.</param>
/// <param name="Own">The part with the key.</param>
internal sealed record MergeDocument(int Key, IReadOnlyList<int[]> Parts, int Own)
{
    /// <summary>Cuts a document into parts of the same number of tokens, but that the paragraph with the key stays whole.</summary>
    /// <param name="document">The document.</param>
    /// <param name="task">What is hidden in it.</param>
    /// <param name="encode">The tokens of a paragraph.</param>
    /// <param name="count">Number of parts.</param>
    /// <exception cref="UsageException">The paragraph with the key is longer than a part.</exception>
    public static MergeDocument Cut(RetrievalDocument document, RetrievalTask task, Func<string, int[]> encode, int count)
    {
        List<int> tokens = [];
        int begin = 0, end = 0;
        foreach (RetrievalParagraph paragraph in document.Paragraphs)
        {
            int before = tokens.Count;
            tokens.AddRange(encode(paragraph.Text));
            (begin, end) = paragraph.Text == task.Say(document.Key) ? (before, tokens.Count) : (begin, end);
        }

        if (tokens.Count / count <= end - begin)
        {
            throw new UsageException(
                $"A part of {tokens.Count / count} tokens has no room for a key's sentence of {end - begin}: give more --part-tokens, or a shorter " +
                "--sentence.");
        }

        int[] cuts = [.. Enumerable.Range(0, count + 1).Select(part => KeepWhole((int)((long)tokens.Count * part / count)))];
        return new MergeDocument(
            document.Key, [.. Enumerable.Range(0, count).Select(part => tokens[cuts[part]..cuts[part + 1]].ToArray())],
            Array.FindLastIndex(cuts, cut => cut <= begin));

        // No two cuts are in a sentence that is shorter than a part, and none moves by more than half of one.
        int KeepWhole(int cut) => cut <= begin || cut >= end ? cut : cut - begin < end - cut ? begin : end;
    }
}
