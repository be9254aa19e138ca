namespace MambaConnector.Tokenization;

/// <summary>One call's way of a piece through the stages into the model. Used by one thread.</summary>
internal sealed class PieceEncoder(PreTokenizer[] stages, BpeModel model, List<int> output)
{
    private readonly BpeWorkspace _workspace = new();

    /// <summary>Encodes a piece, beginning with the given stage.</summary>
    public void Encode(ReadOnlySpan<char> piece, bool atStart, int stage = 0)
    {
        if (stage < stages.Length)
        {
            stages[stage].Split(piece, atStart, new PieceSink(this, stage + 1));
        }
        else
        {
            model.Encode(piece, output, _workspace);
        }
    }
}
