namespace MambaConnector.Documents.Reading;

/// <summary>Splits characters into lines, and very long lines into pieces.</summary>
internal abstract class LineParser : BlockParser
{
    /// <summary>Characters of a piece at most; one more where a pair would be cut.</summary>
    public const int MaxPiece = 4096;

    private readonly SourceText _line = new();
    private bool _isInside;
    private bool _endedByReturn;

    public sealed override void Add(SourceText text)
    {
        for (int index = 0; index < text.Count; index++)
        {
            char value = text[index];
            switch (value)
            {
                case '\n' when _endedByReturn:
                    _endedByReturn = false;
                    break;
                case '\n' or '\r' or '\v' or '\u0085' or '\u2028' or '\u2029':
                    Take(LineEnd.Line);
                    _endedByReturn = value == '\r';
                    break;
                case '\f':
                    Take(LineEnd.Page);
                    _endedByReturn = false;
                    break;
                default:
                    _endedByReturn = false;
                    _line.Add(text, index, 1);
                    if (_line.Count >= MaxPiece && !char.IsHighSurrogate(value))
                    {
                        Take(LineEnd.None);
                    }

                    break;
            }
        }
    }

    public sealed override void End()
    {
        if (_line.Count > 0 || _isInside)
        {
            Take(LineEnd.Line);
        }

        EndLines();
    }

    /// <summary>Takes a line or a piece of one.</summary>
    /// <param name="line">Its characters, without the line's end; gone when the call ends.</param>
    /// <param name="continues">Whether pieces of the same line came before.</param>
    /// <param name="end">What comes behind it.</param>
    protected abstract void AddLine(SourceText line, bool continues, LineEnd end);

    /// <summary>There are no more lines.</summary>
    protected abstract void EndLines();

    private void Take(LineEnd end)
    {
        AddLine(_line, _isInside, end);
        _line.Clear();
        _isInside = end == LineEnd.None;
    }
}
