namespace MambaConnector.Documents.Reading;

/// <summary>Reads Markdown. Markdig, which parses a text as a whole, gets it in parts that begin where a block can: fences, and HTML that
/// blank lines do not end, may be of any length and are read here.</summary>
/// <remarks>A link whose target is defined in another part stays as it is written.</remarks>
/// <param name="sink">Takes the blocks.</param>
internal sealed class MarkdownParser(BlockSink sink) : LineParser
{
    // Characters that Markdig gets at once, about: what takes it more than linear time stays small.
    private const int MaxPart = 8_192;
    private const int MaxFenceIndent = 3;

    private readonly MarkdownBlocks _blocks = new(sink);
    private readonly SourceText _part = new();
    private bool _sawBlank;
    private bool _partIsList;

    // The fence that is open: its character, 0 for none, and its length.
    private char _fence;
    private int _fenceLength;

    // The HTML that is open, null: none; what ends it, the end of the piece before, and whether it ends with this line.
    private HtmlParser? _html;
    private string[] _htmlEnds = [];
    private string _htmlTail = "";
    private bool _endsHtml;

    // Whether the line that is being read is too long for Markdig, and so is plain text.
    private bool _isPlain;

    protected override void AddLine(SourceText line, bool continues, LineEnd end)
    {
        if (!continues)
        {
            _isPlain = false;
        }

        if (_fence != 0)
        {
            AddCode(line, continues, end);
        }
        else if (_html is not null)
        {
            AddHtml(line, end);
        }
        else if (_isPlain)
        {
            _part.Add(line);
            sink.AddOverflow(DocumentBlockKind.Paragraph, 0, _part);
            if (end != LineEnd.None)
            {
                sink.Add(DocumentBlockKind.Paragraph, 0, _part);
            }
        }
        else if (line.Chars.IsWhiteSpace() && !continues)
        {
            // One blank line parts blocks as many do.
            if (_part.Count > 0 && !_sawBlank)
            {
                _part.AddJoint('\n');
            }

            _sawBlank = true;
        }
        else
        {
            AddText(line, continues, end);
        }
    }

    protected override void EndLines() => Flush();

    private void AddText(SourceText line, bool continues, LineEnd end)
    {
        if (!continues && end != LineEnd.None && OpensFence(line.Chars, out char fence, out int length))
        {
            Flush();
            (_fence, _fenceLength) = (fence, length);
            return;
        }

        // What one line holds whole is left to Markdig.
        if (!continues && MarkdownHtml.EndsOf(line.Chars) is { } ends && (end == LineEnd.None || !MarkdownHtml.Contains(line.Chars, ends)))
        {
            Flush();
            (_html, _htmlEnds, _htmlTail, _endsHtml) = (new HtmlParser(sink), ends, "", false);
            AddHtml(line, end);
            return;
        }

        if (!continues)
        {
            BeginLine(line);
        }

        _part.Add(line);
        if (end != LineEnd.None)
        {
            _part.AddJoint('\n');
        }
        else if (_part.Count > MaxPart)
        {
            _blocks.Add(_part);
            _isPlain = true;
        }
    }

    /// <summary>Begins a part before a line that begins a block.</summary>
    private void BeginLine(SourceText line)
    {
        bool isItem = IsItem(line.Chars);
        bool isIndented = line[0] is ' ' or '\t';
        if (_part.Count > MaxPart || (_sawBlank && !isIndented && !(isItem && _partIsList)))
        {
            Flush();
        }

        if (_part.Count == 0)
        {
            _partIsList = isItem;
        }

        _sawBlank = false;
    }

    private void AddCode(SourceText line, bool continues, LineEnd end)
    {
        if (!continues && end != LineEnd.None && ClosesFence(line.Chars))
        {
            _fence = '\0';
            sink.Add(DocumentBlockKind.Code, 0, _part);
            return;
        }

        _part.Add(line);
        if (end != LineEnd.None)
        {
            _part.AddJoint('\n');
        }

        sink.AddOverflow(DocumentBlockKind.Code, 0, _part);
    }

    private void AddHtml(SourceText line, LineEnd end)
    {
        // A mark may lie across two pieces of a long line.
        string text = _htmlTail + line.ToString();
        _endsHtml |= MarkdownHtml.Contains(text, _htmlEnds);
        _htmlTail = end == LineEnd.None ? text[Math.Max(0, text.Length - MarkdownHtml.MaxEnd)..] : "";
        _part.Add(line);
        if (end != LineEnd.None)
        {
            _part.AddJoint('\n');
        }

        _html!.Add(_part);
        _part.Clear();
        if (_endsHtml && end != LineEnd.None)
        {
            Flush();
        }
    }

    private void Flush()
    {
        if (_fence != 0)
        {
            _fence = '\0';
            sink.Add(DocumentBlockKind.Code, 0, _part);
        }
        else if (_html is not null)
        {
            _html.End();
            _html = null;
        }
        else
        {
            _blocks.Add(_part);
        }

        _sawBlank = false;
    }

    private static bool IsItem(ReadOnlySpan<char> line)
    {
        int digits = 0;
        while (digits < line.Length && digits < 9 && char.IsAsciiDigit(line[digits]))
        {
            digits++;
        }

        return line[digits..] is [('.' or ')'), ' ', ..] ? digits > 0 : line is [('-' or '*' or '+'), ' ', ..];
    }

    private static bool OpensFence(ReadOnlySpan<char> line, out char fence, out int length)
    {
        length = FenceLength(line, out fence, out ReadOnlySpan<char> rest);
        return length >= 3 && !(fence == '`' && rest.Contains('`'));
    }

    private bool ClosesFence(ReadOnlySpan<char> line) =>
        FenceLength(line, out char fence, out ReadOnlySpan<char> rest) >= _fenceLength && fence == _fence && rest.IsWhiteSpace();

    private static int FenceLength(ReadOnlySpan<char> line, out char fence, out ReadOnlySpan<char> rest)
    {
        int indent = line.Length - line.TrimStart(' ').Length;
        ReadOnlySpan<char> text = line[indent..];
        fence = text is [('`' or '~'), ..] && indent <= MaxFenceIndent ? text[0] : '\0';
        rest = fence == 0 ? text : text.TrimStart(fence);
        return text.Length - rest.Length;
    }
}
