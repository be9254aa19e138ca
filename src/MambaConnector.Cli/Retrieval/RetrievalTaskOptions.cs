using System.CommandLine;
using MambaConnector.Documents;

namespace MambaConnector.Cli.Retrieval;

/// <summary>The options of verbs that hide keys in books.</summary>
internal sealed class RetrievalTaskOptions
{
    private static readonly RetrievalTask _default = new(
        $"The pass key is {RetrievalTask.Mark}. Remember it. {RetrievalTask.Mark} is the pass key.", "What is the pass key?");

    private readonly Option<string[]> _files = new("--file", "-f")
    {
        HelpName = "path",
        Description = "A UTF-8 text to hide keys in. Several are joined, and begin again where a length asks for more.",
        Required = true,
        Arity = ArgumentArity.OneOrMore,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<string> _sentence = new("--sentence")
    {
        HelpName = "text",
        DefaultValueFactory = _ => _default.Sentence,
        Description = $"The paragraph that says a key, with {RetrievalTask.Mark} where the number stands.",
    };

    private readonly Option<string> _question = new("--question")
    {
        HelpName = "text", DefaultValueFactory = _ => _default.Question, Description = "What asks for it.",
    };

    private readonly Option<int> _seed = new("--seed") { HelpName = "s", DefaultValueFactory = _ => 1, Description = "Chooses keys and text." };

    private RetrievalTaskOptions(Command command)
    {
        _sentence.MustBe(text => text.Contains(RetrievalTask.Mark, StringComparison.Ordinal), $"a text with {RetrievalTask.Mark}");
        _question.MustBe(text => !string.IsNullOrWhiteSpace(text), "a text");
        command.Add(_files);
        command.Add(_sentence);
        command.Add(_question);
        command.Add(_seed);
    }

    /// <summary>Adds them to a verb.</summary>
    public static RetrievalTaskOptions AddTo(Command command) => new(command);

    /// <summary>The files.</summary>
    public string[] Files(ParseResult parsed) => parsed.GetValue(_files)!;

    /// <summary>Reads the files.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="prompt">How the model is given documents.</param>
    public RetrievalText Read(ParseResult parsed, DocumentPrompt prompt) => new(prompt.EncodeBlock, Files(parsed).Select(Utf8File.Read));

    /// <summary>What is hidden, and asked for.</summary>
    public RetrievalTask Task(ParseResult parsed) => new(parsed.GetValue(_sentence)!, parsed.GetValue(_question)!);

    /// <summary>Chooses keys and text.</summary>
    public int Seed(ParseResult parsed) => parsed.GetValue(_seed);
}
