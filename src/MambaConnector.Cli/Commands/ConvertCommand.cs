using System.CommandLine;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba convert</c>: any checkpoint that loads becomes one GGUF file.</summary>
internal static class ConvertCommand
{
    public static Command Create(ToolConsole console)
    {
        Option<string?> weights = WeightTypes.CreateOption("--weights", "The type of the matrices. Default: as stored.", "f32", "f16", "bf16", "q8_0", "q6_k", "q4_k");
        ModelWriter writer = new(console, "convert", "Writes a model of any format as a GGUF file.");
        writer.Command.Add(weights);
        writer.SetAction(parsed => WeightTypes.Parse(parsed.GetValue(weights)));
        return writer.Command;
    }
}
