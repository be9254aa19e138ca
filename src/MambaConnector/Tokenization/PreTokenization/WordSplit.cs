namespace MambaConnector.Tokenization;

/// <summary><c>Whitespace</c>: runs of word characters and runs of other characters are pieces, white space is dropped.</summary>
internal sealed class WordSplit : PreTokenizer
{
    public override string Signature => "Whitespace";

    public override void Split(ReadOnlySpan<char> text, bool atStart, PieceSink sink)
    {
        var start = 0;
        var kind = 0;
        for (var i = 0; i < text.Length;)
        {
            var here = i;
            var codePoint = CodePoints.Next(text, ref i);
            var next = CodePointClass.RustWord.Contains(codePoint) ? 1 : CodePointClass.WhiteSpace.Contains(codePoint) ? 0 : 2;
            if (next != kind)
            {
                EmitRun(text[start..here], kind, atStart && start == 0, sink);
                (start, kind) = (here, next);
            }
        }

        EmitRun(text[start..], kind, atStart && start == 0, sink);
    }

    private static void EmitRun(ReadOnlySpan<char> run, int kind, bool atStart, PieceSink sink)
    {
        if (kind != 0)
        {
            sink.Emit(run, atStart);
        }
    }
}
