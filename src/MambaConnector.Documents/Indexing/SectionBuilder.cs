namespace MambaConnector.Documents.Indexing;

/// <summary>Gathers blocks to sections. A heading begins one, where the section before has more than headings; without headings one ends near a
/// number of tokens. What is decided follows from the blocks alone, in their order.</summary>
/// <param name="target">Tokens of a section, about.</param>
internal sealed class SectionBuilder(int target)
{
    // Headings below that level begin a section only behind a quarter of one, others behind some words: each section takes memory and a file.
    private const int ChapterLevel = 2;
    private const int MinTokens = 16;
    private const int MaxTitle = 200;

    private readonly List<string> _blocks = [];
    private readonly List<int> _tokens = [];
    private int _level;
    private int _part = 1;
    private string _title = "";
    private long _start;
    private long _end;
    private bool _hasBody;

    public bool IsEmpty => _blocks.Count == 0;

    public string Title => _title;

    /// <summary>The section's tokens.</summary>
    public IReadOnlyList<int> Tokens => _tokens;

    /// <summary>The section's blocks.</summary>
    public IReadOnlyList<string> Blocks => _blocks;

    /// <summary>Whether the section is complete before a block.</summary>
    public bool EndsBefore(DocumentBlock block, int tokens)
    {
        if (IsEmpty)
        {
            return false;
        }

        if (block.Kind == DocumentBlockKind.Heading && _hasBody && _tokens.Count >= (block.Level <= ChapterLevel ? MinTokens : target / 4))
        {
            return true;
        }

        return _tokens.Count >= target || (_tokens.Count >= target / 2 && _tokens.Count + tokens > target / 4 * 5);
    }

    public void Add(DocumentBlock block, int[] tokens, long origin)
    {
        if (IsEmpty)
        {
            _start = origin + block.Start;
        }

        if (block.Kind == DocumentBlockKind.Heading && (!_hasBody || block.Level <= ChapterLevel))
        {
            AddHeading(block);
        }

        _hasBody |= block.Kind != DocumentBlockKind.Heading;
        _end = origin + block.End;
        _blocks.Add(block.Text);
        _tokens.AddRange(tokens);
    }

    /// <summary>The section as it is, <paramref name="tokenStart"/> tokens behind the beginning.</summary>
    public DocumentSection ToSection(int index, long tokenStart) =>
        new(index, _level, _title, _part, _start, _end, tokenStart, tokenStart + _tokens.Count);

    /// <summary>Begins the next section, which goes on under the same heading until it has one.</summary>
    public void Next()
    {
        _blocks.Clear();
        _tokens.Clear();
        _hasBody = false;
        _part++;
    }

    /// <summary>Takes up the title of what a section before this ended with.</summary>
    public void Continue(DocumentSection last) => (_level, _title, _part) = (last.Level, last.Title, last.Part + 1);

    private void AddHeading(DocumentBlock block)
    {
        bool isFirst = IsEmpty;
        string text = block.Text.ReplaceLineEndings(" ");
        _level = isFirst ? block.Level : Math.Min(_level, block.Level);
        _title = isFirst ? text : $"{_title} / {text}";
        _title = _title.Length <= MaxTitle ? _title : _title[..(char.IsHighSurrogate(_title[MaxTitle - 1]) ? MaxTitle - 1 : MaxTitle)];
        _part = 1;
    }
}
