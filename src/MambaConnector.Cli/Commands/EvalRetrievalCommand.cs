using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using MambaConnector.Cli.Evaluation;
using MambaConnector.Cli.Output;
using MambaConnector.Cli.Retrieval;
using MambaConnector.Documents;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba eval retrieval</c>: whether a number that stands somewhere in a book is found, by several ways of asking.</summary>
internal static class EvalRetrievalCommand
{
    private const int EstimateTokens = 1024;

    private static readonly long[] _defaultLengths = [2048, 4096, 8192, 16384, 32768];

    public static Command Create(ToolConsole console)
    {
        Option<long[]?> lengths = TokenLengths.CreateListOption("--lengths", "Tokens of the prompts, as in 2k,8k or 2k..256k. Default: 2k..32k.");
        Option<int> depths = CountOption.Create("--depths", 5, "Places of the key in each document.");
        Option<int> samples = CountOption.Create("--samples", 4, "Documents for each place.");
        Option<string[]> ways = new("--ways")
        {
            HelpName = "way",
            Description = $"How to ask: {string.Join(", ", RetrievalWays.Names)}. Default: all.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => RetrievalWays.Names,
        };
        ways.AcceptOnlyFromAmong(RetrievalWays.Names);
        Option<int> section = CountOption.Create(
            "--section-tokens", new DocumentIndexOptions().SectionTokens, "Tokens of a section, about: 64 to 65536.");
        section.MustBe(tokens => tokens is >= 64 and <= 65536, "from 64 to 65536");
        Option<bool> estimate = new("--estimate") { Description = "Say how long the rest of the run may take, and do nothing." };
        Command command = new(
            "retrieval", "Asks for a number that stands somewhere in a book: by the states of an index, and by ways without states.")
        {
            lengths, depths, samples, ways, section, estimate,
        };
        RetrievalTaskOptions books = RetrievalTaskOptions.AddTo(command);
        EvaluationOptions options = EvaluationOptions.AddTo(command, comparesPolicies: false);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using MambaModel model = options.Load(parsed);
            RetrievalTask task = books.Task(parsed);

            // The index lives as long as its questions: only what they need is kept of it. That is the state of every section, so that reading them
            // is timed apart from asking.
            DocumentIndexOptions reading = new()
            {
                Format = DocumentFormat.Text, SectionTokens = parsed.GetValue(section), MaxBytes = 0, MaxSectionBytes = long.MaxValue,
            };
            DocumentPrompt prompt = DocumentPrompt.Create(model, reading.Prompt);
            RetrievalText text = books.Read(parsed, prompt);
            RetrievalSettings settings = new(
                task, parsed.GetValue(lengths) is { Length: > 0 } given ? given : _defaultLengths, parsed.GetValue(depths), parsed.GetValue(samples),
                books.Seed(parsed), prompt.Opening.Length + prompt.Close(task.Question).Length);
            using MambaChatClient client = new(model, new MambaChatClientOptions { PrefixCacheBytes = 0 });
            IRetrievalWay[] chosen =
                [.. parsed.GetValue(ways)!.Distinct().Select(way => RetrievalWays.Create(way, model, client, reading, settings.Around))];

            // Ways and lengths may change from run to run, and samples be added: answers stay what they are.
            ResumeFile file = options.Resume(
                parsed, model, $"text {text.Hash}", $"--depths {settings.Depths}", $"--seed {settings.Seed}",
                $"--section-tokens {reading.SectionTokens}", $"--sentence {task.Sentence}", $"--question {task.Question}",
                $"--training-length {model.Info.TrainingLength}");
            RetrievalEvaluator evaluator = new(model, text, settings, reading, chosen, file);
            if (parsed.GetValue(estimate))
            {
                options.Print(
                    parsed, console, Estimate(model, text, chosen, evaluator, cancellationToken), ToolJson.Instance.EvalEstimateDocument, Print);
                return Tool.Success;
            }

            IReadOnlyList<RetrievalAnswer> answers = [];
            console.WithNotedProgress(
                "Asking", progress => answers = evaluator.RunAsync(progress, cancellationToken).GetAwaiter().GetResult());
            EvalRetrievalDocument document = new(
                options.ModelName(parsed), model.Info.TrainingLength > 0 ? model.Info.TrainingLength : null, books.Files(parsed), text.TokenCount,
                task.Sentence, task.Question, settings.Lengths, settings.Depths, settings.Samples, settings.Seed, reading.SectionTokens,
                [.. chosen.Select(way => EvalRetrievalSeries.Of(
                    way.Name, [.. answers.Where(answer => answer.Way == way.Name && answer.Sample < settings.Samples)]))]);
            options.Write(
                parsed, console, document, ToolJson.Instance.EvalRetrievalDocument, RetrievalReport.Print, RetrievalReport.ToTable,
                (result, stream) => RetrievalReport.ToChart(result).Write(stream));
            return Tool.Success;
        });
        return command;
    }

    // From the speed of a prompt now; what questions and answers take comes on top.
    private static EvalEstimateDocument Estimate(
        MambaModel model, RetrievalText text, IReadOnlyList<IRetrievalWay> ways, RetrievalEvaluator evaluator, CancellationToken cancellationToken)
    {
        int[] tokens = text.Read(0, EstimateTokens);
        using MambaSession session = model.CreateSession();
        long start = Stopwatch.GetTimestamp();
        session.Append(tokens, cancellationToken);
        double speed = tokens.Length / Stopwatch.GetElapsedTime(start).TotalSeconds;
        IReadOnlyDictionary<IRetrievalWay, long> left = evaluator.TokensToRead();
        return new EvalEstimateDocument(
            speed, [.. ways.Select(way => new EvalEstimateWay(way.Name, left[way], left[way] / speed))], left.Values.Sum(), left.Values.Sum() / speed);
    }

    private static void Print(TextWriter output, EvalEstimateDocument document)
    {
        LabelledRows.Write(output, [
            ("speed", string.Create(CultureInfo.InvariantCulture, $"{document.TokensPerSecond:N0} tokens/s")),
            .. document.Ways.Select(way => (way.Way, Describe(way.Tokens, way.Seconds))),
            ("all", Describe(document.Tokens, document.Seconds)),
        ]);

        static string Describe(long tokens, double seconds) =>
            string.Create(CultureInfo.InvariantCulture, $"{tokens:N0} tokens to read, {TimeSpan.FromSeconds(seconds):h\\:mm\\:ss}");
    }
}
