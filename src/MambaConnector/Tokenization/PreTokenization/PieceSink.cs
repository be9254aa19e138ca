namespace MambaConnector.Tokenization;

/// <summary>Where a pre-tokenizer puts its parts: the next stage, or the model behind the last one.</summary>
internal readonly ref struct PieceSink(PieceEncoder encoder, int stage)
{
    /// <summary>Passes one part on; an empty one is dropped.</summary>
    public void Emit(ReadOnlySpan<char> piece, bool atStart)
    {
        if (!piece.IsEmpty)
        {
            encoder.Encode(piece, atStart, stage);
        }
    }
}
