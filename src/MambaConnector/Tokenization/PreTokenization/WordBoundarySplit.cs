namespace MambaConnector.Tokenization;

/// <summary>
/// Cuts SentencePiece text before each "▁" that follows another sign. No stage of the model itself: where no token has "▁" behind another
/// sign, no merge ever crosses such a place, and cutting there changes nothing but the time (short words, remembered).
/// </summary>
internal sealed class WordBoundarySplit : PreTokenizer
{
    public const char Mark = '▁';

    public override string Signature => "WordBoundary";

    /// <summary>Whether the cut changes no result for these tokens.</summary>
    public static bool IsExactFor(IEnumerable<string> tokens) => tokens.All(token => token.AsSpan().TrimStart(Mark).IndexOf(Mark) < 0);

    public override void Split(ReadOnlySpan<char> text, bool atStart, PieceSink sink)
    {
        var start = 0;
        while (start < text.Length)
        {
            var word = text[start..].IndexOfAnyExcept(Mark);
            var length = word < 0 ? -1 : text[(start + word)..].IndexOf(Mark);
            var end = length < 0 ? text.Length : start + word + length;
            sink.Emit(text[start..end], atStart && start == 0);
            start = end;
        }
    }
}
