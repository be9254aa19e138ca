using System.Diagnostics.CodeAnalysis;

namespace MambaConnector.Documents.Reading;

/// <summary>Takes the texts of blocks, trims and cuts them, and keeps the blocks until they are asked for.</summary>
/// <param name="maxLength">Characters of a block at most.</param>
internal sealed class BlockSink(int maxLength)
{
    private readonly Queue<DocumentBlock> _blocks = new();

    /// <summary>Characters of a block at most.</summary>
    public int MaxLength => maxLength;

    public bool TryTake([NotNullWhen(true)] out DocumentBlock? block) => _blocks.TryDequeue(out block);

    /// <summary>Takes what is too long already of a text that still grows.</summary>
    public void AddOverflow(DocumentBlockKind kind, int level, SourceText text)
    {
        while (text.Count > maxLength)
        {
            int end = TextCut.Find(text.Chars, maxLength);
            Emit(kind, level, text, end);
            text.RemoveFirst(end);
        }
    }

    /// <summary>Takes a text and clears it.</summary>
    public void Add(DocumentBlockKind kind, int level, SourceText text)
    {
        AddOverflow(kind, level, text);
        Emit(kind, level, text, text.Count);
        text.Clear();
    }

    private void Emit(DocumentBlockKind kind, int level, SourceText text, int end)
    {
        int start = 0;
        while (start < end && char.IsWhiteSpace(text[start]))
        {
            start++;
        }

        while (end > start && char.IsWhiteSpace(text[end - 1]))
        {
            end--;
        }

        int first = start;
        while (first < end && !text.IsReal(first))
        {
            first++;
        }

        int last = end - 1;
        while (last > first && !text.IsReal(last))
        {
            last--;
        }

        if (first < end)
        {
            long place = text.StartOf(first);
            _blocks.Enqueue(new DocumentBlock(kind, level, text.Chars[start..end].ToString(), place, Math.Max(place, text.EndOf(last))));
        }
    }
}
