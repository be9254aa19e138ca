using System.Text.RegularExpressions;

namespace MambaConnector.Documents.Reading;

/// <summary>Reads plain text. Blank lines part blocks; wrapped lines are joined, those of verse, tables of contents and addresses, which are all
/// short, are not.</summary>
/// <remarks>Form feeds part pages, as tools put them that extract text from PDF: a paragraph goes on behind one where it has not come to the end of a
/// sentence, and a line beside one that holds only a page's number is left out.</remarks>
internal sealed partial class TextParser(BlockSink sink) : LineParser
{
    // Lines of wrapped text are longer than that, but for the last.
    private const int ShortLine = 50;
    private const int LongestNumberLine = 16;

    private readonly SourceText _block = new();

    // A line that may be a page's number: what follows it tells.
    private readonly SourceText _number = new();
    private readonly SourceText _content = new();

    // Where wrapped lines were joined.
    private readonly List<int> _joints = [];
    private int _lineCount;
    private int _longestLine;
    private int _lineLength;
    private bool _isList;

    // Whether the line that is being read, longer than a piece, is white space until here.
    private bool _isBlankSoFar;

    // What has come since the last line that is not blank.
    private bool _sawBlank;
    private bool _sawPage;
    private bool _sawBlankBeforeNumber;

    protected override void AddLine(SourceText line, bool continues, LineEnd end)
    {
        bool isBlankSoFar = (!continues || _isBlankSoFar) && line.Chars.IsWhiteSpace();
        if (continues && !_isBlankSoFar)
        {
            AddContent(line, continues: true);
        }
        else if (isBlankSoFar)
        {
            _sawBlank |= end != LineEnd.None;
        }
        else if (end != LineEnd.None && IsPageNumber(line.Chars))
        {
            AddNumber(line, end);
        }
        else
        {
            AddText(line);
        }

        _isBlankSoFar = isBlankSoFar && end == LineEnd.None;
        if (end == LineEnd.Page)
        {
            _number.Clear();
            _sawPage = true;
        }
    }

    protected override void EndLines()
    {
        ReleaseNumber();
        Flush();
    }

    /// <summary>A number is a page's where it is the first or the last line of the page.</summary>
    private void AddNumber(SourceText line, LineEnd end)
    {
        ReleaseNumber();
        if (!_sawPage && end != LineEnd.Page)
        {
            _number.Add(line);
            (_sawBlankBeforeNumber, _sawBlank) = (_sawBlank, false);
        }
    }

    private void ReleaseNumber()
    {
        if (_number.Count > 0)
        {
            bool sawBlank = _sawBlank;
            _sawBlank = _sawBlankBeforeNumber;
            BeginLine();
            AddContent(_number, continues: false);
            _number.Clear();
            _sawBlank = sawBlank;
        }
    }

    private void AddText(SourceText line)
    {
        ReleaseNumber();
        BeginLine();
        AddContent(line, continues: false);
    }

    private void BeginLine()
    {
        if (_sawPage ? EndsSentence() : _sawBlank)
        {
            Flush();
        }

        (_sawBlank, _sawPage) = (false, false);
    }

    private void AddContent(SourceText line, bool continues)
    {
        Collapse(line, continues);
        ReadOnlySpan<char> text = _content.Chars;
        if (text.IsEmpty)
        {
            return;
        }

        if (!continues)
        {
            bool isItem = ListItem().IsMatch(text);
            if (_lineCount == 0)
            {
                _isList = isItem;
            }
            else
            {
                Join(text, isItem);
            }

            _lineCount++;
            _lineLength = 0;
        }

        _lineLength += text.Length;
        _longestLine = Math.Max(_longestLine, _lineLength);
        _block.Add(_content);
        if (_block.Count > sink.MaxLength)
        {
            EndLinesOfBlock();
            sink.AddOverflow(Kind, 0, _block);
        }
    }

    private DocumentBlockKind Kind => _isList ? DocumentBlockKind.List : DocumentBlockKind.Paragraph;

    /// <summary>Takes a line's characters with single spaces between its words.</summary>
    private void Collapse(SourceText line, bool continues)
    {
        _content.Clear();
        bool afterSpace = !continues || (_block.Count > 0 && _block[_block.Count - 1] == ' ');
        for (int index = 0; index < line.Count; index++)
        {
            bool isSpace = char.IsWhiteSpace(line[index]);
            if (!isSpace || !afterSpace)
            {
                _content.Add(isSpace ? ' ' : line[index], line.StartOf(index), (int)(line.EndOf(index) - line.StartOf(index)));
            }

            afterSpace = isSpace;
        }

        // The space behind the last word matters only where the line goes on.
        if (line.Count < MaxPiece && _content.Count > 0 && _content[_content.Count - 1] == ' ')
        {
            _content.RemoveLast(1);
        }
    }

    /// <summary>Puts a line behind those before.</summary>
    private void Join(ReadOnlySpan<char> next, bool isItem)
    {
        while (_block.Count > 0 && _block[_block.Count - 1] == ' ')
        {
            _block.RemoveLast(1);
        }

        if (_isList && isItem)
        {
            _block.AddJoint('\n');
        }
        else if (_lineLength >= ShortLine && _block.Count > 1 && _block[_block.Count - 1] == '-' && char.IsLower(_block[_block.Count - 2])
            && char.IsLower(next[0]))
        {
            // A word that was parted at the end of a wrapped line.
            _block.RemoveLast(1);
        }
        else
        {
            _joints.Add(_block.Count);
            _block.AddJoint(' ');
        }
    }

    private bool EndsSentence()
    {
        int end = _block.Count;
        while (end > 0 && _block[end - 1] is (' ' or '"' or '\'' or ')' or '”' or '’'))
        {
            end--;
        }

        return end == 0 || _isList || _longestLine < ShortLine || _block[end - 1] is '.' or '!' or '?' or ':' or '…';
    }

    /// <summary>Decides for the lines so far whether they were wrapped.</summary>
    private void EndLinesOfBlock()
    {
        if (!_isList && _longestLine < ShortLine)
        {
            foreach (int joint in _joints)
            {
                _block.Replace(joint, '\n');
            }
        }

        _joints.Clear();
        _longestLine = Math.Max(_longestLine, ShortLine);
    }

    private void Flush()
    {
        if (_block.Count == 0)
        {
            return;
        }

        if (TextHeading.TryRead(_block, _joints, out int level))
        {
            sink.Add(DocumentBlockKind.Heading, level, _block);
        }
        else
        {
            EndLinesOfBlock();
            sink.Add(Kind, 0, _block);
        }

        _block.Clear();
        _joints.Clear();
        (_lineCount, _longestLine, _lineLength, _isList) = (0, 0, 0, false);
    }

    private static bool IsPageNumber(ReadOnlySpan<char> line)
    {
        line = line.Trim();
        return line.Length <= LongestNumberLine && PageNumber().IsMatch(line);
    }

    [GeneratedRegex(@"^([Pp]age )?[-–—\[(]? ?([0-9]{1,5}|[ivxl]{1,7}) ?[-–—\])]?( of [0-9]{1,5})?$")]
    private static partial Regex PageNumber();

    [GeneratedRegex(@"^([-*•‣–] |\(?[0-9]{1,3}[.)] |\(?[a-z]\) )")]
    private static partial Regex ListItem();
}
