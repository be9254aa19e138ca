using System.CommandLine;
using System.Globalization;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba inspect capacity</c>: what a state can hold, and how long a training that needs.</summary>
internal static class InspectCapacityCommand
{
    public static Command Create(ToolConsole console)
    {
        Option<long?> trainingLength = TrainingLengthOption.Create("The length that the model was trained on, where it does not say it.");
        Option<bool> json = JsonOption.Create();
        Command command = new("capacity", "Shows how much a model's state holds, and how long texts it has to be trained on to forget.")
        {
            trainingLength,
            json,
        };
        ShapeOption shape = ShapeOption.AddTo(command);
        ModelOptions model = ModelOptions.AddTo(command, computes: false);
        command.SetAction(parsed =>
        {
            CapacityDocument document = Describe(parsed, model, shape, parsed.GetValue(trainingLength));
            if (parsed.GetValue(json))
            {
                console.WriteJson(document, ToolJson.Instance.CapacityDocument);
            }
            else
            {
                Print(console.Out, document);
            }

            return Tool.Success;
        });
        return command;
    }

    private static CapacityDocument Describe(ParseResult parsed, ModelOptions model, ShapeOption shape, long? trainingLength)
    {
        if (shape.Get(parsed, model, MambaWeightType.AsStored) is MambaShape random)
        {
            return Describe(shape.Name(parsed)!, StateCapacity.Of(random, trainingLength), null);
        }

        MambaModelInfo info = MambaModel.Inspect(model.Path(parsed)).Info;
        return Describe(model.Name(parsed), StateCapacity.Of(info, trainingLength), info.StateBytes);
    }

    private static CapacityDocument Describe(string name, StateCapacity capacity, long? sessionBytes) => new(
        name,
        capacity.Architecture.ToString().ToLowerInvariant(),
        capacity.StateValues,
        capacity.SsmValues,
        capacity.ConvolutionValues,
        capacity.StateValueBytes,
        sessionBytes,
        capacity.TrainingLength,
        capacity.ForgetLength,
        capacity.RecallLength,
        capacity.IsTrainedToForget,
        capacity.FitLabel,
        capacity.Warning);

    private static void Print(TextWriter output, CapacityDocument document)
    {
        LabelledRows.Write(output,
        [
            ("model", document.Model),
            ("state", $"{document.StateValues:N0} values: {document.SsmValues:N0} of the SSM, {document.ConvolutionValues:N0} of the convolution"),
            ("bytes", document.SessionBytes is long session
                ? $"{document.StateValueBytes:N0} in FP32; a session takes {session:N0}, at any length"
                : $"{document.StateValueBytes:N0} in FP32"),
            ("T_train", document.TrainingLength is long trained ? $"{trained:N0} tokens" : "not known; say it with --training-length"),
            ("T_forget", $"{Spell(document.ForgetLength)}: the shortest training length that teaches such a state to forget"),
            ("T_recall", $"{Spell(document.RecallLength)}: the longest text that such a state recalls a passkey from, trained long enough"),
            ("basis", document.Fit),
        ]);
        output.WriteLine(document switch
        {
            { Warning: string warning } => warning,
            { TrainingLength: null } => "The training length is not known, so nothing can be said about its being long enough.",
            { ForgetLength: null } => "The state is below the range of the fit, which says nothing about its training length.",
            _ => "The training length reaches T_forget.",
        });
    }

    private static string Spell(double? tokens) =>
        tokens is double length ? string.Create(CultureInfo.InvariantCulture, $"about {length:N0} tokens") : "below the fit's range";
}
