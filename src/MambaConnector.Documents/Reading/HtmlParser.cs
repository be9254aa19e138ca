using System.Net;

namespace MambaConnector.Documents.Reading;

/// <summary>Reads HTML in one pass with bounded memory: what is nested is counted, not kept, and a tag that is never closed costs nothing.</summary>
/// <remarks>Libraries that read HTML build the whole document in memory, and the deepest nesting on the stack. Tags are found as the standard's
/// tokenizer finds them (html.spec.whatwg.org, 13.2.5); which elements are blocks, headings or left out is a table.</remarks>
internal sealed class HtmlParser : BlockParser
{
    private const int MaxName = 16;
    private const int MaxReference = 32;

    // What the bytes 0x80 to 0x9F mean; five mean nothing.
    private const string Windows1252 =
        "\u20AC\u0081\u201A\u0192\u201E\u2026\u2020\u2021\u02C6\u2030\u0160\u2039\u0152\u008D\u017D\u008F" +
        "\u0090\u2018\u2019\u201C\u201D\u2022\u2013\u2014\u02DC\u2122\u0161\u203A\u0153\u009D\u017E\u0178";

    private readonly HtmlText _text;

    // A tag's name or a character reference; of longer ones only the beginning.
    private readonly SourceText _name = new();
    private State _state = State.Text;
    private bool _isEndTag;
    private bool _isSelfClosing;
    private char _quote;
    private int _dashes;

    // The element whose content is no text, until its end tag.
    private string? _raw;

    /// <param name="sink">Takes the blocks.</param>
    public HtmlParser(BlockSink sink) => _text = new HtmlText(sink);

    private enum State
    {
        Text,
        Reference,
        TagOpen,
        TagName,
        Attributes,
        AttributeValue,
        Unquoted,
        Quoted,
        MarkupDeclaration,
        Comment,
        Bogus,
    }

    public override void Add(SourceText text)
    {
        for (int index = 0; index < text.Count; index++)
        {
            Add(text[index], text.StartOf(index), (int)(text.EndOf(index) - text.StartOf(index)));
        }
    }

    public override void End()
    {
        if (_state is State.Reference or State.TagOpen)
        {
            AddLiteral();
        }

        _text.Flush();
    }

    private void Add(char value, long start, int length)
    {
        switch (_state)
        {
            case State.Text:
                AddText(value, start, length);
                break;
            case State.Reference:
                AddReference(value, start, length);
                break;
            case State.TagOpen:
                OpenTag(value, start, length);
                break;
            case State.TagName:
                AddName(value, start, length);
                break;
            case State.Attributes:
                AddAttribute(value);
                break;
            case State.AttributeValue:
                if (value is '"' or '\'')
                {
                    (_quote, _state) = (value, State.Quoted);
                }
                else if (value == '>')
                {
                    EndTag();
                }
                else if (!char.IsWhiteSpace(value))
                {
                    _state = State.Unquoted;
                }

                break;
            case State.Unquoted:
                // A slash belongs to the value, as in href=/a/.
                if (value == '>')
                {
                    EndTag();
                }
                else if (char.IsWhiteSpace(value))
                {
                    _state = State.Attributes;
                }

                break;
            case State.Quoted:
                if (value == _quote)
                {
                    _state = State.Attributes;
                }

                break;
            case State.MarkupDeclaration:
                AddDeclaration(value);
                break;
            case State.Comment:
                if (value == '>' && _dashes >= 2)
                {
                    _state = State.Text;
                }

                // It ends with --> or --!>.
                _dashes = value == '-' ? Math.Min(_dashes + 1, 2) : value == '!' && _dashes == 2 ? 2 : 0;
                break;
            case State.Bogus:
                if (value == '>')
                {
                    _state = State.Text;
                }

                break;
            default:
                throw new InvalidOperationException($"There is no state {_state}.");
        }
    }

    private void AddText(char value, long start, int length)
    {
        if (value == '<' || (value == '&' && _raw is null))
        {
            _name.Clear();
            _name.Add(value, start, length);
            _state = value == '<' ? State.TagOpen : State.Reference;
        }
        else if (_raw is null)
        {
            _text.Add(value, start, length);
        }
    }

    private void AddReference(char value, long start, int length)
    {
        if (value == ';')
        {
            _name.Add(value, start, length);
            string decoded = WebUtility.HtmlDecode(_name.ToString());
            if (decoded.Length is 1 or 2 && !decoded.StartsWith('&') || _name.Chars is "&amp;" or "&#38;" or "&#x26;")
            {
                AddReferred(decoded);
            }
            else
            {
                AddLiteral();
            }
        }
        else if ((char.IsAsciiLetterOrDigit(value) || value == '#') && _name.Count < MaxReference)
        {
            _name.Add(value, start, length);
        }
        else
        {
            if (_name.Chars is "&amp" or "&lt" or "&gt" or "&quot" or "&nbsp")
            {
                AddReferred(WebUtility.HtmlDecode($"{_name.Chars};"));
            }
            else
            {
                AddLiteral();
            }

            Add(value, start, length);
        }
    }

    private void AddReferred(string decoded)
    {
        _state = State.Text;
        long first = _name.StartOf(0);
        int bytes = (int)(_name.EndOf(_name.Count - 1) - first);
        foreach (char character in decoded)
        {
            // Numbers of the C1 controls are meant as bytes of Windows-1252.
            _text.Add(character is >= '\u0080' and <= '\u009F' ? Windows1252[character - '\u0080'] : character, first, bytes);
        }
    }

    private void OpenTag(char value, long start, int length)
    {
        if (value == '/' && _name.Count == 1)
        {
            _name.Add(value, start, length);
        }
        else if (char.IsAsciiLetter(value) && (_raw is null || _name.Count == 2))
        {
            _isEndTag = _name.Count == 2;
            _isSelfClosing = false;
            _name.Clear();
            _state = State.TagName;
            AddName(value, start, length);
        }
        else if (_raw is null && value == '!' && _name.Count == 1)
        {
            _name.Clear();
            _state = State.MarkupDeclaration;
        }
        else if (_raw is null && (value == '?' || _name.Count == 2))
        {
            _state = value == '>' ? State.Text : State.Bogus;
        }
        else
        {
            AddLiteral();
            Add(value, start, length);
        }
    }

    private void AddName(char value, long start, int length)
    {
        bool isEndOfName = value is '>' or '/' || char.IsWhiteSpace(value);
        if (_raw is not null && (isEndOfName ? !_name.Chars.SequenceEqual(_raw) : !char.IsAsciiLetter(value)))
        {
            // In a script: no tag but the script's own.
            _state = State.Text;
            Add(value, start, length);
        }
        else if (value == '>')
        {
            EndTag();
        }
        else if (isEndOfName)
        {
            (_state, _isSelfClosing) = (State.Attributes, value == '/');
        }
        else if (_name.Count < MaxName)
        {
            _name.Add(char.ToLowerInvariant(value), start, length);
        }
    }

    private void AddAttribute(char value)
    {
        if (value == '>')
        {
            EndTag();
        }
        else if (value == '=')
        {
            _state = State.AttributeValue;
        }

        _isSelfClosing = value == '/';
    }

    private void AddDeclaration(char value)
    {
        if (value == '-' && _name.Count < 2)
        {
            _name.AddJoint(value);
            if (_name.Count == 2)
            {
                (_state, _dashes) = (State.Comment, 2);
            }
        }
        else
        {
            _state = value == '>' ? State.Text : State.Bogus;
        }
    }

    private void EndTag()
    {
        _state = State.Text;
        string name = _name.ToString();
        if (_raw is not null)
        {
            if (_isEndTag && name == _raw)
            {
                _raw = null;
            }
        }
        else if (!_isEndTag && !_isSelfClosing && HtmlElements.HoldsNoText(name))
        {
            _raw = name;
        }
        else
        {
            _text.Tag(name, _isEndTag);
        }
    }

    /// <summary>What looked like a tag or a reference is text.</summary>
    private void AddLiteral()
    {
        _state = State.Text;
        for (int index = 0; index < _name.Count && _raw is null; index++)
        {
            _text.Add(_name[index], _name.StartOf(index), (int)(_name.EndOf(index) - _name.StartOf(index)));
        }
    }
}
