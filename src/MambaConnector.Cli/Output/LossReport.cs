using System.Globalization;
using MambaConnector.Cli.Evaluation;
using MambaConnector.Cli.Plots;

namespace MambaConnector.Cli.Output;

/// <summary>An <see cref="EvalLossDocument"/> for people: as lines, as a table, as a picture.</summary>
internal static class LossReport
{
    // More points than the paper has pixels for would only make the file large.
    private const int MaximumPoints = 160;

    // Losses of which one is so many times another are drawn on a logarithmic axis.
    private const double WideRange = 100;

    /// <summary>The loss of each bucket, a column a policy, and the verdicts.</summary>
    public static void Print(TextWriter output, EvalLossDocument document)
    {
        int width = Math.Max(10, document.Policies.Max(series => series.Policy.Length));
        output.WriteLine($"{document.Model}, {string.Join(" + ", document.Text)}: {document.TextTokens:N0} tokens, read {Repeats(document)}");
        output.WriteLine($"{"position",-16}{string.Concat(document.Policies.Select(series => $"  {series.Policy.PadLeft(width)}"))}");
        for (int bucket = 0; bucket < document.Policies[0].Buckets.Count; bucket++)
        {
            LossBucket first = document.Policies[0].Buckets[bucket];
            string range = $"{TokenLengths.Format(first.Start)} to {TokenLengths.Format(first.End)}";
            IEnumerable<string> losses = document.Policies.Select(series => $"  {Spell(series.Buckets[bucket].Loss).PadLeft(width)}");
            output.WriteLine($"{range,-16}{string.Concat(losses)}");
        }

        foreach (EvalLossSeries series in document.Policies)
        {
            string ratio = series.Buckets.Max(bucket => bucket.NormRatio) is double greatest
                ? string.Create(CultureInfo.InvariantCulture, $"; norms up to {greatest:F2} times those within")
                : "";
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{series.Policy}: {Verdict(series)}{ratio}; {series.TokensPerSecond:N0} tokens/s, {series.StateBytes:N0} bytes"));
        }
    }

    /// <summary>A row for each policy and bucket.</summary>
    public static CsvTable ToTable(EvalLossDocument document)
    {
        CsvTable table = new("policy", "division", "start", "end", "loss", "norm_ratio");
        foreach (EvalLossSeries series in document.Policies)
        {
            foreach ((string division, LossBucket bucket) in
                series.Buckets.Select(bucket => ("octave", bucket)).Concat(series.Steps.Select(bucket => ("step", bucket))))
            {
                table.AddRow(series.Policy, division, bucket.Start, bucket.End, bucket.Loss, bucket.NormRatio);
            }
        }

        return table;
    }

    /// <summary>A line for each policy over the position.</summary>
    public static LineChart ToChart(EvalLossDocument document, bool drawsSteps)
    {
        PlotSeries[] lines = [.. document.Policies.Select(series => new PlotSeries(
            series.Policy, [.. (drawsSteps ? Merge(series.Steps) : series.Buckets).Select(bucket => (Middle(bucket), bucket.Loss))]))];
        double[] losses = [.. lines.SelectMany(line => line.Points).Select(point => point.Y).Where(loss => loss > 0 && double.IsFinite(loss))];
        bool isWide = losses.Length > 0 && losses.Max() > WideRange * losses.Min();
        string model = Path.GetFileName(document.Model.TrimEnd('/', '\\'));
        return new LineChart
        {
            Title = $"{model}: loss by position, {string.Join(" + ", document.Text.Select(Path.GetFileName))}",
            X = PlotAxis.Positions,
            Y = new PlotAxis("loss, nats a token", isWide ? 10 : 0),
            Series = lines,
            Mark = document.TrainingLength is long length ? (length, "T_train") : null,
        };
    }

    private static double Middle(LossBucket bucket) => Math.Sqrt((double)bucket.Start * (bucket.End - 1));

    private static LossBucket[] Merge(IReadOnlyList<LossBucket> steps) =>
        [.. steps.Chunk((steps.Count + MaximumPoints - 1) / MaximumPoints).Select(group => new LossBucket(
            group[0].Start, group[^1].End, group.Sum(step => step.Loss * (step.End - step.Start)) / (group[^1].End - group[0].Start), null))];

    private static string Spell(double loss) => loss.ToString(loss is > 0 and < 0.1 ? "0.000000" : "F4", CultureInfo.InvariantCulture);

    private static string Repeats(EvalLossDocument document) => document.Repeats <= 1
        ? "once at most"
        : string.Create(CultureInfo.InvariantCulture, $"again and again, {document.Repeats:F1} times, to {document.Length:N0}");

    private static string Verdict(EvalLossSeries series)
    {
        if (series.MaximumLossWithin is not double within)
        {
            return "no verdict, for the training length is not known (--training-length), or too short for two steps";
        }

        string before = $"at most {Spell(within)} within the training length";
        return series switch
        {
            { MaximumLossBeyond: null } => $"no verdict, for nothing was read past it; {before}",
            { CollapsedAt: long at, MaximumLossBeyond: double beyond } =>
                string.Create(CultureInfo.InvariantCulture, $"collapsed at {at:N0}: up to {Spell(beyond)} past the training length, {before}"),
            _ => $"healthy: at most {Spell(series.MaximumLossBeyond.Value)} past the training length, {before}",
        };
    }
}
