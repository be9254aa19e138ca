using System.CommandLine;
using System.Security.Cryptography;
using System.Text;
using MambaConnector.Cli.Evaluation;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba eval loss</c> and <c>mamba eval newlines</c>: the loss by position, at any length.</summary>
internal static class EvalLossCommand
{
    private static readonly TimeSpan _saveEvery = TimeSpan.FromSeconds(20);

    /// <summary><c>mamba eval loss</c>.</summary>
    public static Command Create(ToolConsole console)
    {
        Option<string[]> files = new("--file", "-f")
        {
            HelpName = "path",
            Description = "A UTF-8 text file. Several are read one after the other, and from the first again where the length asks for more.",
            Required = true,
            Arity = ArgumentArity.OneOrMore,
            AllowMultipleArgumentsPerToken = true,
        };
        Command command = new("loss", "Shows how well a model predicts a text by position, under one or several long-context policies.") { files };
        return Complete(
            command, console, "Reading", parsed => parsed.GetValue(files)!, (parsed, model) => ReadText(parsed.GetValue(files)!, model.Tokenizer));
    }

    /// <summary><c>mamba eval newlines</c>.</summary>
    public static Command CreateForNewlines(ToolConsole console)
    {
        Command command = new("newlines", "The same over newlines alone: the smoothest probe of a state that collapses.");
        return Complete(command, console, "Reading newlines", _ => ["newlines"], (_, model) => Newlines(model.Tokenizer));
    }

    private static Command Complete(
        Command command, ToolConsole console, string title, Func<ParseResult, string[]> names, Func<ParseResult, MambaModel, int[]> read)
    {
        LossSettings settings = LossSettings.AddTo(command);
        EvaluationOptions options = EvaluationOptions.AddTo(command);
        command.SetAction((parsed, cancellationToken) =>
        {
            using MambaModel model = options.Load(parsed);
            MambaModelInfo info = model.Info;
            int[] tokens = read(parsed, model);
            EvaluatedPolicy[] policies = options.Policies(parsed, info);
            long length = settings.Length(parsed, info), width = settings.Width(parsed, info), trained = info.TrainingLength;
            if (length < 2)
            {
                throw new UsageException("--length must be at least 2: the first token has none before it to be predicted from.");
            }

            if (settings.WatchesState(parsed) && trained == 0)
            {
                throw new UsageException(
                    "--state compares with the state within the training length, which the checkpoint does not say: give --training-length.");
            }

            // Policies may change from run to run: finished ones stay what they are.
            ResumeFile file = options.Resume(
                parsed, model, $"text {Hash(tokens)}", $"--length {length}", $"--bucket {width}", $"--training-length {trained}",
                $"--state {settings.WatchesState(parsed)}");
            LossEvaluator evaluator = new(info.PaddedVocabSize, new TokenText(tokens), length, width, settings.WatchesState(parsed) ? trained : 0);
            LossEvaluation evaluation = new(model, evaluator, length, file, _saveEvery);
            IReadOnlyList<LossRun> runs = [];
            console.WithNotedProgress(title, progress => runs = evaluation.Run(policies, progress, cancellationToken));
            EvalLossDocument document = new(
                options.ModelName(parsed), names(parsed), tokens.Length, length, (double)length / tokens.Length, trained > 0 ? trained : null, width,
                [.. runs.Zip(policies, (run, policy) => Describe(policy.Label, run, length, width, trained))]);
            options.Write(
                parsed, console, document, ToolJson.Instance.EvalLossDocument, LossReport.Print, LossReport.ToTable,
                (result, stream) => LossReport.ToChart(result, settings.DrawsSteps(parsed)).Write(stream));
            return Task.FromResult(Tool.Success);
        });
        return command;
    }

    private static EvalLossSeries Describe(string label, LossRun run, long length, long width, long trainingLength)
    {
        LossBucket[] steps = run.Sums.StepMeans(length, width);
        CollapseVerdict? verdict = CollapseVerdict.Judge(steps, trainingLength, width);
        return new EvalLossSeries(
            label, verdict?.MaximumBeyond is null ? null : verdict.CollapsedAt is not null, verdict?.CollapsedAt, verdict?.MaximumWithin,
            verdict?.MaximumBeyond, length / run.Seconds, run.StateBytes, run.Sums.OctaveMeans(length), steps);
    }

    private static int[] ReadText(string[] files, MambaTokenizer tokenizer)
    {
        int[] tokens = [.. files.SelectMany(path => tokenizer.Encode(Utf8File.Read(path), parseSpecial: false, addBos: false))];
        return tokens.Length > 0 ? tokens : throw new InvalidDataException($"There is no text in {string.Join(", ", files)}.");
    }

    // The ids of newlines by themselves: a run of them in a text may be one token.
    private static int[] Newlines(MambaTokenizer tokenizer) => tokenizer.Encode("\n", parseSpecial: false, addBos: false);

    private static string Hash(int[] tokens)
    {
        byte[] bytes = Encoding.ASCII.GetBytes(string.Join(',', tokens));
        return Convert.ToHexStringLower(SHA256.HashData(bytes)[..8]);
    }
}
