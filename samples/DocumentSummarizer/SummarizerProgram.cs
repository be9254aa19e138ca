using System.CommandLine;
using MambaConnector;
using MambaConnector.Documents;
using MambaConnector.Models;
using Spectre.Console;

namespace SummarizerSample;

/// <summary>The program: its command line, the model, and how it ends.</summary>
internal static class SummarizerProgram
{
    private static readonly string _text = Path.Combine(AppContext.BaseDirectory, "text", "the-wrong-box.txt");
    private static readonly string[] _questions = ["Where does Morris live?", "What is in the box?"];
    private static readonly string[] _otherQuestions = ["What is this text about?", "Who wrote it?"];

    /// <summary>Runs the program.</summary>
    /// <returns>The exit code: 0, 1 (failed; standard error says why) or 2 (bad usage).</returns>
    public static async Task<int> RunAsync(string[] arguments, TextWriter output, TextWriter error, bool isTerminal)
    {
        Argument<string> file = new("file")
        {
            DefaultValueFactory = _ => _text,
            Description = "The document: text, Markdown or HTML. Default: chapters of The Wrong Box.",
        };
        Option<string?> path = new("--model")
        {
            HelpName = "path",
            Description = $"A model directory or GGUF file. Default: the embedded {Mamba2Chat.Name}.",
        };
        Option<string?> index = new("--index")
        {
            HelpName = "file",
            Description = "Keep what was read in this file, and go on from it. Default: none is kept.",
        };
        Option<string[]> questions = new("--question")
        {
            HelpName = "text",
            DefaultValueFactory = _ => [],
            Description = "A question to ask at the end; may be repeated. Default: two.",
        };
        Option<int> words = new("--section-words")
        {
            HelpName = "n",
            DefaultValueFactory = _ => 30,
            Description = "Words that a section's summary is asked to have.",
        };
        RootCommand root = new("Reads a document once, summarises it section by section, and answers questions about it.")
        {
            file, path, index, questions, words,
        };
        root.SetAction(async (parsed, cancellationToken) =>
        {
            IDocumentView view = isTerminal ? new TreeView(AnsiConsole.Console) : new PlainView(output);

            // Greedy, and so small a model: without a penalty it says the same again and again.
            GenerationOptions? generation = parsed.GetValue(path) is null ? new GenerationOptions { RepetitionPenalty = 1.2f } : null;
            DocumentSummaryOptions options = new()
            {
                SectionWords = parsed.GetValue(words),
                Words = parsed.GetValue(words) * 2,
                Generation = generation,
            };
            using MambaModel model = parsed.GetValue(path) is string name ? MambaModel.Load(name) : Mamba2Chat.Load();
            view.Note(parsed.GetValue(path) is null
                ? "The embedded model has 39 million parameters: its summaries and answers are weak, and most are wrong. --model takes a larger one."
                : $"The model is {parsed.GetValue(path)}.");
            using IndexPlace place = new(parsed.GetValue(index));
            string document = parsed.GetValue(file)!;
            string[] asked = parsed.GetValue(questions) is { Length: > 0 } given ? given : document == _text ? _questions : _otherQuestions;
            await new Tour(model, view).RunAsync(document, place.Path, options, asked, cancellationToken);
            return 0;
        });

        ParseResult parsed = root.Parse(arguments);
        if (parsed.Errors.Count > 0 || parsed.GetValue(words) < 1)
        {
            string reason = parsed.Errors.Count > 0 ? parsed.Errors[0].Message.TrimEnd('.') : "--section-words must be 1 or more";
            await error.WriteLineAsync($"DocumentSummarizer: {reason}. --help lists the options.");
            return 2;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false });
        }
        catch (Exception exception) when (IsExpected(exception))
        {
            await error.WriteLineAsync($"DocumentSummarizer: {exception.Message.ReplaceLineEndings(" ")}");
            return 1;
        }
    }

    // Failures that explain themselves in a sentence: bad files, bad options, a library that is not there, Ctrl+C. Others are defects.
    private static bool IsExpected(Exception exception) =>
        exception is MambaException or MambaNativeLibraryException or DocumentChangedException or InvalidDataException or IOException
            or UnauthorizedAccessException or ArgumentException or NotSupportedException or OperationCanceledException;
}
