using System.CommandLine;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba quantize</c>: a GGUF file with smaller weights.</summary>
internal static class QuantizeCommand
{
    public static Command Create(ToolConsole console)
    {
        Option<string?> weights = WeightTypes.CreateOption("--weights", "The type of the matrices.", "bf16", "f16", "q8_0", "q6_k", "q4_k");
        weights.Required = true;
        ModelWriter writer = new(console, "quantize", "Writes a model as a GGUF file with smaller weights.");
        writer.Command.Add(weights);
        writer.SetAction(parsed => WeightTypes.Parse(parsed.GetValue(weights)));
        return writer.Command;
    }
}
