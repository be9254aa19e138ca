namespace MambaConnector.Documents.Reading;

/// <summary>The text of an HTML document, as its tags part it into blocks.</summary>
/// <param name="sink">Takes the blocks.</param>
internal sealed class HtmlText(BlockSink sink)
{
    private readonly SourceText _block = new();
    private int _heading;
    private int _lists;
    private int _tables;
    private int _quotes;
    private int _preformatted;
    private bool _startsCell;

    // White space that has come, and waits for what follows it.
    private bool _space;

    private DocumentBlockKind Kind =>
        _heading > 0 ? DocumentBlockKind.Heading
        : _preformatted > 0 ? DocumentBlockKind.Code
        : _tables > 0 ? DocumentBlockKind.Table
        : _lists > 0 ? DocumentBlockKind.List
        : _quotes > 0 ? DocumentBlockKind.Quote
        : DocumentBlockKind.Paragraph;

    public void Add(char value, long start, int length)
    {
        if (!SourceDecoder.IsKept(value))
        {
            return;
        }

        if (_preformatted > 0 && value != '\r')
        {
            _block.Add(value, start, length);
        }
        else if (char.IsWhiteSpace(value))
        {
            _space = true;
            return;
        }
        else
        {
            AddSpace();
            _block.Add(value, start, length);
        }

        if (_block.Count > sink.MaxLength)
        {
            sink.AddOverflow(Kind, _heading, _block);
        }
    }

    public void Tag(string name, bool isEnd)
    {
        int level = HtmlElements.HeadingLevel(name);
        if (level > 0)
        {
            Flush();
            _heading = isEnd ? 0 : level;
        }
        else if (HtmlElements.IsBlock(name))
        {
            EndParagraph();
        }
        else
        {
            TagOfContainer(name, isEnd);
        }
    }

    public void Flush()
    {
        if (EndsWithMark())
        {
            _block.RemoveLast(2);
        }

        sink.Add(Kind, _heading, _block);
        (_space, _startsCell) = (false, false);
    }

    private void TagOfContainer(string name, bool isEnd)
    {
        switch (name)
        {
            case "ul" or "ol":
                Nest(ref _lists, isEnd);
                break;
            case "table":
                Nest(ref _tables, isEnd);
                break;
            case "blockquote":
                Nest(ref _quotes, isEnd);
                break;
            case "pre":
                Nest(ref _preformatted, isEnd);
                break;
            case "br" or "tr" or "caption":
                EndLine();
                break;
            case "li":
                EndLine();
                if (!isEnd && _lists > 0 && Kind == DocumentBlockKind.List && !EndsWithMark())
                {
                    _block.AddJoint('-');
                    _block.AddJoint(' ');
                }

                break;
            case "td" or "th":
                _startsCell = !isEnd || _startsCell;
                break;
            default:
                break;
        }
    }

    /// <summary>A list in a list, or a table in a table, belongs to the outer one.</summary>
    private void Nest(ref int depth, bool isEnd)
    {
        if (depth > 1 || (depth == 1 && !isEnd))
        {
            depth += isEnd ? -1 : 1;
            EndLine();
        }
        else
        {
            Flush();
            depth = isEnd ? 0 : 1;
        }
    }

    private void EndParagraph()
    {
        if (Kind is DocumentBlockKind.Paragraph or DocumentBlockKind.Quote)
        {
            Flush();
        }
        else if (Kind is DocumentBlockKind.Table or DocumentBlockKind.Heading || EndsWithMark())
        {
            _space = true;
        }
        else
        {
            EndLine();
        }
    }

    /// <summary>Whether an item of a list has just begun.</summary>
    private bool EndsWithMark() =>
        _lists > 0 && _block.Count >= 2 && _block[_block.Count - 1] == ' ' && _block[_block.Count - 2] == '-' && !_block.IsReal(_block.Count - 2);

    private void EndLine()
    {
        if (Kind == DocumentBlockKind.Heading)
        {
            _space = true;
        }
        else if (EndsWithMark())
        {
            // Nothing stands behind it yet: the next item takes it.
            _space = true;
        }
        else if (_block.Count > 0 && _block[_block.Count - 1] != '\n')
        {
            _block.AddJoint('\n');
            (_space, _startsCell) = (false, false);
        }
    }

    private void AddSpace()
    {
        bool isFirst = _block.Count == 0 || _block[_block.Count - 1] == '\n';
        if (_startsCell && Kind == DocumentBlockKind.Table && !isFirst)
        {
            _block.AddJoint(' ');
            _block.AddJoint('|');
            _block.AddJoint(' ');
        }
        else if (_space && !isFirst && _block[_block.Count - 1] != ' ')
        {
            _block.AddJoint(' ');
        }

        (_space, _startsCell) = (false, false);
    }
}
