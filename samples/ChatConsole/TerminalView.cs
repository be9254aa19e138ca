using Spectre.Console;

namespace ChatConsole;

/// <summary>For a person at a terminal.</summary>
internal sealed class TerminalView(IAnsiConsole console) : IChatView
{
    public void Welcome(string model, string details)
    {
        console.Write(new Rule($"[bold]{Markup.Escape(model)}[/]") { Justification = Justify.Left });
        console.MarkupLine($"[grey]{Markup.Escape(details)}[/]");
        console.MarkupLine("[grey]Say something. [bold]/help[/] lists the commands; Ctrl+C stops a reply.[/]");
    }

    public string? ReadLine(string prompt)
    {
        console.WriteLine();
        console.Markup($"[bold green]{Markup.Escape(prompt)}>[/] ");
        return Console.ReadLine();
    }

    public void WriteReply(string piece) => console.Profile.Out.Writer.Write(piece);

    public void EndReply() => console.WriteLine();

    public void Note(string text) => console.MarkupLine($"[grey]{Markup.Escape(text)}[/]");

    public void Fail(string sentence) => console.MarkupLine($"[red]{Markup.Escape(sentence.ReplaceLineEndings(" "))}[/]");
}
