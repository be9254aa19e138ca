using System.CommandLine;
using System.Globalization;
using MambaConnector.Cli.Evaluation;
using MambaConnector.Cli.Merging;
using MambaConnector.Cli.Output;
using MambaConnector.Cli.Retrieval;
using MambaConnector.Documents;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba eval merge</c>: what states are worth that are merged of parts, each read alone.</summary>
internal static class EvalMergeCommand
{
    public static Command Create(ToolConsole console)
    {
        Option<int[]> parts = new("--parts")
        {
            HelpName = "list", Description = "Numbers of parts, 1 to 256, as in 2,4,8.", DefaultValueFactory = _ => [2, 4, 8],
            CustomParser = argument =>
            {
                string[] numbers = argument.Tokens[0].Value.Split(',', StringSplitOptions.TrimEntries);
                int[] counts =
                    [.. numbers.Select(number => int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int count) ? count : 0)];
                if (Array.Exists(counts, count => count is < 1 or > 256))
                {
                    argument.AddError($"--parts takes numbers from 1 to 256, as in 2,4,8; '{argument.Tokens[0].Value}' is none");
                }

                return counts;
            },
        };
        Option<int> partTokens = CreateCount("--part-tokens", 512, 64, "Tokens of a part, about.");
        Option<int> continuation = CreateCount("--continuation", 256, 2, "Tokens that are predicted behind the parts.");
        Option<int> samples = CreateCount("--samples", 32, 1, "Places in the texts, and keys.");
        Option<string> opening = new("--opening")
        {
            HelpName = "where",
            DefaultValueFactory = _ => "each",
            Description = "Which parts with a key have the opening of a prompt before them: each, or the first alone, as the whole has it.",
        };
        opening.AcceptOnlyFromAmong("each", "first");
        Command command = new("merge", "Compares states that are merged of parts, each read alone, with reading all (experimental).")
        {
            parts, partTokens, continuation, samples, opening,
        };
        RetrievalTaskOptions books = RetrievalTaskOptions.AddTo(command);
        OutputFiles files = OutputFiles.AddTo(command);
        Option<bool> json = JsonOption.Create();
        command.Add(json);
        ModelOptions models = ModelOptions.AddTo(command);
        command.SetAction((parsed, cancellationToken) =>
        {
            files.Check(parsed);
            using MambaModel model = models.Load(parsed, models.ToOptions(parsed) with { RollbackTokens = 0 });
            RetrievalTask task = books.Task(parsed);
            int[] counts = parsed.GetValue(parts)!;
            int part = parsed.GetValue(partTokens), following = parsed.GetValue(continuation), sampleCount = parsed.GetValue(samples);
            string where = parsed.GetValue(opening)!;
            DocumentPrompt prompt = DocumentPrompt.Create(model);
            MergeEvaluator evaluator = new(
                model, prompt, books.Read(parsed, prompt), task, where == "each", part, following, sampleCount, books.Seed(parsed));
            IReadOnlyList<MergeCell> cells = [];
            console.WithNotedProgress("Merging", progress => cells = evaluator.Run(counts, progress, cancellationToken));
            EvalMergeDocument document = new(
                models.Name(parsed), books.Files(parsed), task.Sentence, task.Question, where, counts, part, following, sampleCount,
                books.Seed(parsed), cells);
            files.Write(parsed, stream => MergeReport.ToChart(document).Write(stream), () => MergeReport.ToTable(document));
            if (parsed.GetValue(json))
            {
                console.WriteJson(document, ToolJson.Instance.EvalMergeDocument);
            }
            else
            {
                MergeReport.Print(console.Out, document);
            }

            return Task.FromResult(Tool.Success);
        });
        return command;
    }

    private static Option<int> CreateCount(string name, int initial, int least, string description)
    {
        Option<int> option = new(name) { HelpName = "n", DefaultValueFactory = _ => initial, Description = description };
        option.MustBe(count => count >= least && count <= 65536, $"from {least} to 65536");
        return option;
    }
}
