using System.CommandLine;
using System.Text.Json.Serialization.Metadata;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Evaluation;

/// <summary>The options that all verbs of <c>eval</c> have, and what they stand for.</summary>
internal sealed class EvaluationOptions
{
    private readonly Option<PolicyChoice[]> _policies = PolicyList.CreateOption();

    private readonly Option<string?> _resume = new("--resume")
    {
        HelpName = "file",
        Description = "Keep in this file how far the run has come; started again, it goes on from there.",
    };

    private readonly Option<long?> _trainingLength =
        TrainingLengthOption.Create("The length that the model was trained on, where the checkpoint does not say it.");

    private readonly Option<bool> _json = JsonOption.Create();
    private readonly ModelOptions _model;
    private readonly OutputFiles _files;

    private EvaluationOptions(Command command, bool comparesPolicies)
    {
        if (comparesPolicies)
        {
            command.Add(_policies);
        }

        command.Add(_trainingLength);
        command.Add(_resume);
        _files = OutputFiles.AddTo(command);
        command.Add(_json);
        _model = ModelOptions.AddTo(command);
    }

    /// <summary>Adds them to a verb.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="comparesPolicies">Whether it has <see cref="Policies"/>.</param>
    public static EvaluationOptions AddTo(Command command, bool comparesPolicies = true) => new(command, comparesPolicies);

    /// <summary>What the user calls the model.</summary>
    public string ModelName(ParseResult parsed) => _model.Name(parsed);

    /// <summary>Opens the model, once it is certain that the results can be written.</summary>
    public MambaModel Load(ParseResult parsed)
    {
        _files.Check(parsed);
        OutputFiles.CheckFolder(parsed.GetValue(_resume));

        // Nothing is undone here, so no copies are kept for it.
        MambaModelOptions options = _model.ToOptions(parsed) with { RollbackTokens = 0 };
        return _model.Load(parsed, parsed.GetValue(_trainingLength) is long length ? options with { TrainingLength = length } : options);
    }

    /// <summary>The policies to compare.</summary>
    public EvaluatedPolicy[] Policies(ParseResult parsed, MambaModelInfo model) => PolicyList.Of(parsed, _policies, model);

    /// <summary>The file that keeps how far the run has come.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="model">The model, whose weights have to be the same.</param>
    /// <param name="facts">What else has to be the same.</param>
    public ResumeFile Resume(ParseResult parsed, MambaModel model, params ReadOnlySpan<string> facts) =>
        new(parsed.GetValue(_resume), [$"model {model.Info.Fingerprint}", .. facts]);

    /// <summary>Writes the result wherever it is wanted.</summary>
    public void Write<T>(
        ParseResult parsed, ToolConsole console, T document, JsonTypeInfo<T> type,
        Action<TextWriter, T> print, Func<T, CsvTable> createTable, Action<T, Stream> drawPlot)
    {
        _files.Write(parsed, stream => drawPlot(document, stream), () => createTable(document));
        Print(parsed, console, document, type, print);
    }

    /// <summary>Writes a result to standard output: as JSON, where that is asked for.</summary>
    public void Print<T>(ParseResult parsed, ToolConsole console, T document, JsonTypeInfo<T> type, Action<TextWriter, T> print)
    {
        if (parsed.GetValue(_json))
        {
            console.WriteJson(document, type);
        }
        else
        {
            print(console.Out, document);
        }
    }
}
