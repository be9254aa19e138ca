using System.Globalization;
using MambaConnector.Cli.Plots;
using MambaConnector.Cli.Retrieval;

namespace MambaConnector.Cli.Output;

/// <summary>An <see cref="EvalRetrievalDocument"/> for people: as lines, as a table, as a picture.</summary>
internal static class RetrievalReport
{
    private const int Width = 14;

    /// <summary>The share of each length, a column a way; then the times.</summary>
    public static void Print(TextWriter output, EvalRetrievalDocument document)
    {
        output.WriteLine($"{document.Model}: {document.Depths} depths, {document.Samples} documents at each, seed {document.Seed}");
        Write("found", share => string.Create(CultureInfo.InvariantCulture, $"{100 * share.Share:0.#} %"));
        Write("reading once, s", share => Seconds(share.ReadSeconds));
        Write("a question, s", share => Seconds(share.AskSeconds));

        void Write(string title, Func<RetrievalShare, string> value)
        {
            WriteRow(title, document.Ways.Select(series => series.Way));
            foreach (long length in document.Lengths)
            {
                WriteRow(TokenLengths.Format(length), document.Ways.Select(series => value(series.Lengths.First(share => share.Length == length))));
            }
        }

        void WriteRow(string name, IEnumerable<string> values) =>
            output.WriteLine($"{name,-16}{string.Concat(values.Select(value => value.PadLeft(Width)))}");
    }

    /// <summary>A row an answer.</summary>
    public static CsvTable ToTable(EvalRetrievalDocument document)
    {
        CsvTable table = new("way", "length", "depth", "sample", "key", "answer", "found", "read_seconds", "ask_seconds");
        foreach (RetrievalAnswer answer in document.Ways.SelectMany(series => series.Answers))
        {
            table.AddRow(
                answer.Way, answer.Length, answer.Depth, answer.Sample, answer.Key, answer.Answer, answer.Found ? 1 : 0, answer.ReadSeconds,
                answer.AskSeconds);
        }

        return table;
    }

    /// <summary>The share found by length, a line a way.</summary>
    public static LineChart ToChart(EvalRetrievalDocument document) => new()
    {
        Title = $"{Path.GetFileName(document.Model.TrimEnd('/', '\\'))}: keys found in books",
        X = PlotAxis.Positions with { Title = "length, tokens" },
        Y = new PlotAxis("found", 0, share => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0.#} %")),
        Including = 0,
        Mark = document.TrainingLength is long trained ? (trained, "T_train") : null,
        Series =
        [
            .. document.Ways.Select(series => new PlotSeries(series.Way, [.. series.Lengths.Select(share => ((double)share.Length, share.Share))])),
        ],
    };

    private static string Seconds(double seconds) => seconds.ToString("0.00", CultureInfo.InvariantCulture);
}
