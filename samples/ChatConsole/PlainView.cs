namespace ChatConsole;

/// <summary>For pipes and scripts: replies on standard output, everything else on standard error or nowhere.</summary>
internal sealed class PlainView(TextReader input, TextWriter output, TextWriter error) : IChatView
{
    public void Welcome(string model, string details)
    {
        // A script has no use for it.
    }

    public string? ReadLine(string prompt) => input.ReadLine();

    public void WriteReply(string piece) => output.Write(piece);

    public void EndReply() => output.WriteLine();

    public void Note(string text) => error.WriteLine(text);

    public void Fail(string sentence) => error.WriteLine($"ChatConsole: {sentence.ReplaceLineEndings(" ")}");
}
