using System.CommandLine;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba convert</c>: any checkpoint that loads becomes one GGUF file.</summary>
internal static class ConvertCommand
{
    public static Command Create(ToolConsole console)
    {
        Option<string?> weights = WeightTypes.CreateOption("--weights", "The type of the matrices. Default: as stored; of a --shape, bf16.", "f32", "f16", "bf16", "q8_0", "q6_k", "q4_k");
        ModelWriter writer = new(console, "convert", "Writes a model of any format as a GGUF file.");
        writer.Command.Add(weights);
        ShapeOption shape = ShapeOption.AddTo(writer.Command);
        writer.SetAction(parsed => WeightTypes.Parse(parsed.GetValue(weights)), shape);
        return writer.Command;
    }
}
