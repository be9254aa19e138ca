using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using MambaConnector.Cli.Inspection;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba inspect dynamics</c>: step sizes, decays and inputs of a layer's heads, and what they keep of the first token.</summary>
internal static class InspectDynamicsCommand
{
    // Heads that are shown where none is named, and points of a line where --every is not given.
    private const int DefaultHeads = 8;
    private const int DefaultPoints = 512;

    public static Command Create(ToolConsole console)
    {
        Option<int> layer = new("--layer") { HelpName = "l", Required = true, Description = "The layer, from 0." };
        Option<int[]?> heads = new("--heads")
        {
            HelpName = "list",
            Description = $"Heads, as in 0,2,7; of Mamba-1 blocks of 64 channels. Default: the first {DefaultHeads}.",
            CustomParser = ParseHeads,
        };
        Option<long> length = TokenLengths.CreateOption("--length", "Tokens to read, as in 8192 or 64k. Default: the whole text.");
        Option<int?> every = new("--every")
        {
            HelpName = "n", Description = $"Tokens taken together. Default: so many that there are at most {DefaultPoints} points.",
        };
        every.MustBe(count => count > 0, "a whole number above 0");
        Option<DynamicsQuantity> show = new("--show") { HelpName = "what", Description = "What --plot draws: memory, dt, decay, b or x." };
        show.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, [.. Enum.GetNames<DynamicsQuantity>().Select(name => name.ToLowerInvariant())]);
        Option<bool> json = JsonOption.Create();
        Command command = new("dynamics", "Shows dt, decay, ||B||, ||x|| and first-token memory of a layer's heads while a text is read.");
        InputText input = InputText.AddTo(command, console, withTokens: true);
        foreach (Option option in new Option[] { layer, heads, length, every, show, json })
        {
            command.Add(option);
        }

        OutputFiles files = OutputFiles.AddTo(command);
        ModelOptions model = ModelOptions.AddTo(command);
        PolicyOptions policy = PolicyOptions.AddTo(command);
        command.SetAction((parsed, cancellationToken) =>
        {
            files.Check(parsed);
            using MambaModel loaded = model.Load(parsed, policy.Describe(parsed, model.ToOptions(parsed)) with { RollbackTokens = 0 });
            using MambaSession session = loaded.CreateSession();
            int[] chosen = Choose(parsed.GetResult(heads) is null ? null : parsed.GetValue(heads), parsed.GetValue(layer), session);
            ReadOnlyMemory<int> tokens = ReadLength.Take(input.Tokens(parsed) ?? session.Encode(input.Text(parsed)), parsed.GetValue(length));
            policy.Apply(parsed, session, tokens.Length);
            int together = parsed.GetValue(every) ?? ((tokens.Length + DefaultPoints - 1) / DefaultPoints);
            LayerDynamics? dynamics = null;
            console.WithProgress("Reading", progress =>
                dynamics = DynamicsReader.Read(session, tokens.Span, parsed.GetValue(layer), chosen, together, progress, cancellationToken));
            DynamicsReport report = new(
                model.Name(parsed), session.Policy.ToString(), together, parsed.GetValue(layer), loaded.Info.TrainingLength, dynamics!);
            files.Write(parsed, stream => report.Draw(stream, parsed.GetValue(show)), report.ToTable);
            if (parsed.GetValue(json))
            {
                console.WriteJson(report.ToDocument(), ToolJson.Instance.DynamicsDocument);
            }
            else
            {
                report.Print(console.Out);
            }

            return Task.FromResult(Tool.Success);
        });
        return command;
    }

    private static int[] Choose(int[]? asked, int layer, MambaSession session)
    {
        StateStatistics shape = session.GetStateStatistics();
        if (layer < 0 || layer >= shape.LayerCount)
        {
            throw new UsageException($"There is no layer {layer}: the model's layers run from 0 to {shape.LayerCount - 1}.");
        }

        int[] heads = asked ?? [.. Enumerable.Range(0, Math.Min(DefaultHeads, shape.HeadCount))];
        int wrong = Array.FindIndex(heads, head => head < 0 || head >= shape.HeadCount);
        return wrong < 0 ? heads
            : throw new UsageException($"There is no head {heads[wrong]}: the heads of a layer run from 0 to {shape.HeadCount - 1}.");
    }

    private static int[]? ParseHeads(ArgumentResult argument)
    {
        string text = argument.Tokens[0].Value;
        string[] parts = text.Split(',', StringSplitOptions.TrimEntries);
        int[] heads = new int[parts.Length];
        for (int index = 0; index < parts.Length; index++)
        {
            if (!int.TryParse(parts[index], NumberStyles.None, CultureInfo.InvariantCulture, out heads[index]))
            {
                argument.AddError($"--heads takes numbers separated by commas, as in 0,2,7; '{parts[index]}' is none");
                return null;
            }
        }

        return [.. heads.Distinct()];
    }
}
