using System.CommandLine;

namespace MambaConnector.Cli;

/// <summary>The one input of a verb: text on the command line, a file, or token ids.</summary>
internal sealed class InputText
{
    private readonly Option<string?> _text = new("--text") { HelpName = "text", Description = "The text." };
    private readonly Option<string?> _file = new("--file") { HelpName = "path", Description = "A UTF-8 text file; - is standard input." };
    private readonly Option<int[]?> _tokens = TokenIds.CreateOption();
    private readonly ToolConsole _console;

    private InputText(ToolConsole console) => _console = console;

    /// <summary>Adds <c>--text</c>, <c>--file</c> and, where ids make sense, <c>--tokens</c>; exactly one must be given.</summary>
    public static InputText AddTo(Command command, ToolConsole console, bool withTokens)
    {
        InputText input = new(console);
        Option[] options = withTokens ? [input._tokens, input._text, input._file] : [input._text, input._file];
        foreach (Option option in options)
        {
            command.Add(option);
        }

        command.Validators.Add(result =>
        {
            if (options.Count(option => result.GetResult(option) is not null) != 1)
            {
                result.AddError($"Give exactly one of {string.Join(", ", options.Select(option => option.Name))}");
            }
        });
        return input;
    }

    /// <summary>The token ids, or null where text was given.</summary>
    public int[]? Tokens(ParseResult parsed) => TokenIds.Of(parsed, _tokens);

    /// <summary>What the input is called: the file's name, or that it was on the command line.</summary>
    public string Name(ParseResult parsed) => parsed.GetValue(_file) is string path ? Path.GetFileName(path) : "text of the command line";

    /// <summary>The text; a byte order mark is left out.</summary>
    /// <exception cref="InvalidDataException">The file is not UTF-8.</exception>
    public string Text(ParseResult parsed)
    {
        if (parsed.GetValue(_text) is string text)
        {
            return text;
        }

        string path = parsed.GetValue(_file)!;
        return path == "-" ? _console.In.ReadToEnd() : Utf8File.Read(path);
    }
}
