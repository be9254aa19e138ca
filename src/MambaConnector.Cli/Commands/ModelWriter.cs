using System.CommandLine;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Commands;

/// <summary>What <c>convert</c> and <c>quantize</c> share: a model is read and a GGUF file written, whole or not at all.</summary>
internal sealed class ModelWriter
{
    private readonly ToolConsole _console;
    private readonly Option<string> _output = new("--output", "-o")
    {
        HelpName = "file.gguf",
        Required = true,
        Description = "The file to write; one that exists is replaced.",
    };

    private readonly Option<long?> _trainingLength = TrainingLengthOption.Create(
        "The length that the model was trained on, for the file to say. Default: what the model says.");
    private readonly Option<bool> _json = JsonOption.Create();
    private readonly ModelOptions _model;

    public ModelWriter(ToolConsole console, string name, string description)
    {
        _console = console;
        Command = new Command(name, description) { _output, _trainingLength, _json };
        _model = ModelOptions.AddTo(Command, computes: false);
    }

    /// <summary>The verb, for options of its own.</summary>
    public Command Command { get; }

    /// <summary>Sets what the verb does, given how it chooses the type of the matrices and, where it has that option, a shape.</summary>
    public void SetAction(
        Func<ParseResult, MambaWeightType> chooseWeights, ShapeOption? shape = null) => Command.SetAction((parsed, cancellationToken) =>
    {
        string path = parsed.GetValue(_output)!;
        MambaWeightType weights = chooseWeights(parsed);
        long? trainingLength = parsed.GetValue(_trainingLength);
        MambaShape? random = shape?.Get(parsed, _model, weights);
        _console.WithProgress(
            $"Writing {Path.GetFileName(path)}",
            progress =>
            {
                if (random is null)
                {
                    MambaModel.Convert(_model.Path(parsed), path, weights, trainingLength, progress, cancellationToken);
                }
                else
                {
                    MambaModel.WriteRandom(random, path, trainingLength, progress, cancellationToken);
                }
            });
        MambaModelInfo written = MambaModel.Inspect(path).Info;
        string source = shape?.Name(parsed) ?? _model.Name(parsed);
        WriteModelDocument document = new(source, path, written.WeightType.Name(), new FileInfo(path).Length);
        if (parsed.GetValue(_json))
        {
            _console.WriteJson(document, ToolJson.Instance.WriteModelDocument);
        }
        else
        {
            _console.Out.WriteLine($"{document.Output}: {document.Weights}, {document.FileBytes:N0} bytes");
        }

        return Task.FromResult(Tool.Success);
    });
}
