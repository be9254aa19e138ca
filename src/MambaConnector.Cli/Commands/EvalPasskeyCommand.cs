using System.CommandLine;
using MambaConnector.Cli.Evaluation;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba eval passkey</c>: whether a model still knows a number that it read long ago.</summary>
internal static class EvalPasskeyCommand
{
    private static readonly long[] _defaultLengths = [1024, 2048, 4096, 8192, 16384];

    public static Command Create(ToolConsole console)
    {
        Option<long[]?> lengths = TokenLengths.CreateListOption("--lengths", "Tokens of the prompts, as in 1k,2k,4k or 1k..256k. Default: 1k..16k.");
        Option<int> depths = CountOption.Create("--depths", 5, "Places of the key in each prompt.");
        Option<int> samples = CountOption.Create("--samples", 4, "Keys for each place.");
        Option<int> seed = new("--seed") { HelpName = "s", DefaultValueFactory = _ => 1, Description = "Chooses the keys." };
        Command command = new("passkey", "Asks for a number that stands somewhere in a long prompt of noise, under long-context policies.")
        {
            lengths, depths, samples, seed,
        };
        EvaluationOptions options = EvaluationOptions.AddTo(command);
        command.SetAction((parsed, cancellationToken) =>
        {
            using MambaModel model = options.Load(parsed);
            long[] asked = parsed.GetValue(lengths) is { Length: > 0 } given ? given : _defaultLengths;
            int depthCount = parsed.GetValue(depths), sampleCount = parsed.GetValue(samples), chosen = parsed.GetValue(seed);
            EvaluatedPolicy[] policies = options.Policies(parsed, model.Info);

            // Lengths and policies may change from run to run: finished cells stay what they are.
            ResumeFile file = options.Resume(parsed, model, $"--depths {depthCount}", $"--samples {sampleCount}", $"--seed {chosen}");
            PasskeyEvaluator evaluator = new(model, depthCount, sampleCount, chosen, file);
            IReadOnlyList<PasskeyCell> cells = [];
            console.WithNotedProgress("Asking", progress => cells = evaluator.Run(policies, asked, progress, cancellationToken));
            EvalPasskeyDocument document = new(
                options.ModelName(parsed), model.Info.TrainingLength > 0 ? model.Info.TrainingLength : null, asked, depthCount, sampleCount, chosen,
                [.. cells.Where(cell => asked.Contains(cell.Length)).GroupBy(cell => cell.Policy)
                    .Select(group => EvalPasskeySeries.Of(group.Key, [.. group]))]);
            options.Write(
                parsed, console, document, ToolJson.Instance.EvalPasskeyDocument, PasskeyReport.Print, PasskeyReport.ToTable,
                (result, stream) => PasskeyReport.ToHeatMap(result).Write(stream));
            return Task.FromResult(Tool.Success);
        });
        return command;
    }
}
