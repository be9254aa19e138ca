namespace MambaConnector.Tokenization;

/// <summary>
/// One stage of cutting text into the pieces inside which the model merges. A stage gets a piece and hands its parts, in order, to the
/// next one. Immutable; equal <see cref="Signature"/> means equal behaviour.
/// </summary>
internal abstract class PreTokenizer
{
    /// <summary>Kind and settings, in one line.</summary>
    public abstract string Signature { get; }

    /// <summary>Cuts one piece.</summary>
    /// <param name="text">The piece, never empty.</param>
    /// <param name="atStart">Whether the piece begins where the whole text begins.</param>
    /// <param name="sink">Takes the parts.</param>
    public abstract void Split(ReadOnlySpan<char> text, bool atStart, PieceSink sink);
}
