using System.Text;

namespace MambaConnector.Documents.Responders;

/// <summary>A text while it is being written, and after.</summary>
internal class WrittenText
{
    private readonly StringBuilder _text = new();

    /// <summary>The text so far, without white space at its ends.</summary>
    public string Text => _text.ToString().Trim();

    /// <summary>Why it ended.</summary>
    public FinishReason FinishReason { get; private set; } = FinishReason.Stop;

    /// <summary>Adds a piece.</summary>
    public void Add(ResponsePiece piece)
    {
        _text.Append(piece.Text);
        FinishReason = piece.FinishReason ?? FinishReason;
    }
}
