using System.CommandLine;
using System.Globalization;
using MambaConnector.Cli.Calibration;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba eval calibrate</c>: what a monitor and some long-context policies need to know of a model.</summary>
internal static class EvalCalibrateCommand
{
    // LongMamba's for Mamba2-1.3B.
    private const double DefaultTheta = 0.05;

    public static Command Create(ToolConsole console)
    {
        Option<long> length = TokenLengths.CreateOption("--length", "T_train, tokens, as in 8192 or 8k. Default: what the model says.");
        Option<string> output = new("--output", "-o")
        {
            HelpName = "file", Required = true, Description = "The file to write; one that exists is replaced.",
        };
        Option<int?> texts = new("--texts")
        {
            HelpName = "n",
            Description = "Pieces of the text that are read, each from an empty state. " +
                "Default: 4, with --delta-scale 2, and as many for the loss held out.",
        };
        texts.MustBe(count => count > 0, "a whole number above 0");
        Option<bool> deltaScale = new("--delta-scale") { Description = "Search a scale of dt for each layer, for --policy delta:FILE." };
        Option<long> targetLength = TokenLengths.CreateOption(
            "--target-length", "With --delta-scale: tokens of the texts whose end is scored. Default: 2 T_train.");
        Option<int> iterations = new("--iterations")
        {
            HelpName = "n", DefaultValueFactory = _ => 20, Description = "With --delta-scale: steps of the search.",
        };
        iterations.MustBe(count => count >= 0, "0 or more");
        Option<int> seed = new("--seed") { HelpName = "s", Description = "With --delta-scale: the same seed gives the same search." };
        Option<bool> tokenFilter = new("--token-filter") { Description = "Measure thresholds of dt for long prompts, for --policy filter:FILE." };
        Option<long[]?> lengths = TokenLengths.CreateListOption(
            "--lengths", "With --token-filter: lengths of prompts, each beyond T_train, as in 16k,32k. Default: 2, 4 and 8 T_train.");
        Option<double> theta = new("--theta")
        {
            HelpName = "x",
            DefaultValueFactory = _ => DefaultTheta,
            Description = "With --token-filter: heads that keep more than this of a token over T_train are filtered.",
        };
        theta.MustBe(value => value is > 0 and < 1, "above 0 and below 1");
        Option<bool> json = JsonOption.Create();
        Command command = new("calibrate", "Measures healthy states for the monitor, or values of a policy, and writes them.");
        InputText input = InputText.AddTo(command, console, withTokens: true);
        Option[] options = [length, output, texts, deltaScale, targetLength, iterations, seed, tokenFilter, lengths, theta, json];
        foreach (Option option in options)
        {
            command.Add(option);
        }

        ModelOptions model = ModelOptions.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(deltaScale) is not null && result.GetResult(tokenFilter) is not null)
            {
                result.AddError("Give --delta-scale or --token-filter, not both");
            }
        });
        command.SetAction((parsed, cancellationToken) =>
        {
            OutputFiles.CheckFolder(parsed.GetValue(output));
            using MambaModel loaded = model.Load(parsed, model.ToOptions(parsed) with { RollbackTokens = 0 });
            long trainingLength = parsed.GetValue(length) is > 0 and long asked ? asked
                : loaded.Info.TrainingLength is > 0 and long known ? known
                : throw new UsageException("The model does not say what length it was trained on: give it with --length.");
            using MambaSession empty = loaded.CreateSession();
            CalibrationRun run = new(
                model.Name(parsed), loaded, trainingLength, input.Tokens(parsed) ?? empty.Encode(input.Text(parsed)), parsed.GetValue(texts),
                parsed.GetValue(output)!);
            CalibrateDocument? document = null;
            console.WithProgress("Calibrating", progress => document =
                parsed.GetValue(deltaScale) ? run.DeltaScale(
                    parsed.GetValue(targetLength), parsed.GetValue(iterations), parsed.GetValue(seed), progress, cancellationToken)
                : parsed.GetValue(tokenFilter) ? run.TokenFilter(parsed.GetValue(lengths) ?? [], parsed.GetValue(theta), progress, cancellationToken)
                : run.Baseline(input.Name(parsed), progress, cancellationToken));
            if (parsed.GetValue(json))
            {
                console.WriteJson(document!, ToolJson.Instance.CalibrateDocument);
            }
            else
            {
                Print(console.Out, document!);
            }

            return Task.FromResult(Tool.Success);
        });
        return command;
    }

    private static void Print(TextWriter output, CalibrateDocument document)
    {
        output.WriteLine(
            $"{document.Kind} of {document.Model}, T_train {document.TrainingLength:N0}, {document.Tokens:N0} tokens read: {document.Output}");
        if (document.Scales is IReadOnlyList<float> scales)
        {
            output.WriteLine($"scales  {string.Join(' ', scales.Select(scale => scale.ToString("0.###", CultureInfo.InvariantCulture)))}");
        }

        if (document.GlobalHeads is int heads)
        {
            output.WriteLine($"{heads} heads are filtered");
        }

        foreach (CalibrationLossDocument loss in document.Losses)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"loss at the end of {loss.Length:N0} tokens, {loss.Count} texts ({loss.Texts}): " +
                $"{Spell(loss.Before)} before, {Spell(loss.After)} after"));
        }
    }

    private static string Spell(double loss) => double.IsFinite(loss) ? loss.ToString("F4", CultureInfo.InvariantCulture) : "no number";
}
