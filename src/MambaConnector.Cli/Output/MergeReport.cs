using System.Globalization;
using MambaConnector.Cli.Merging;
using MambaConnector.Cli.Plots;

namespace MambaConnector.Cli.Output;

/// <summary>An <see cref="EvalMergeDocument"/> for people: as lines, as a table, as a picture.</summary>
internal static class MergeReport
{
    /// <summary>A row a way: loss and share found, a column a number of parts.</summary>
    public static void Print(TextWriter output, EvalMergeDocument document)
    {
        output.WriteLine($"{document.Model}: parts of {document.PartTokens} tokens, {document.Samples} samples, seed {document.Seed}");
        Write("loss, nats", cell => cell.Loss?.ToString("0.000", CultureInfo.InvariantCulture) ?? "-");
        Write("keys found", cell => Percent(cell.Found));

        void Write(string title, Func<MergeCell, string> value)
        {
            WriteRow(title, document.Parts.Select(count => $"{count} parts"));
            foreach (IGrouping<string, MergeCell> way in document.Cells.GroupBy(cell => cell.Way))
            {
                WriteRow(way.Key, way.Select(value));
            }
        }

        void WriteRow(string name, IEnumerable<string> values) =>
            output.WriteLine($"{name,-24}{string.Concat(values.Select(value => value.PadLeft(10)))}");
    }

    /// <summary>A row for each number of parts and way.</summary>
    public static CsvTable ToTable(EvalMergeDocument document)
    {
        CsvTable table = new("parts", "way", "loss", "found");
        foreach (MergeCell cell in document.Cells)
        {
            table.AddRow(cell.Parts, cell.Way, cell.Loss, cell.Found);
        }

        return table;
    }

    /// <summary>Loss by number of parts, a line a way.</summary>
    public static LineChart ToChart(EvalMergeDocument document) => new()
    {
        Title = $"{Path.GetFileName(document.Model.TrimEnd('/', '\\'))}: loss behind merged states",
        X = new PlotAxis("parts", 2),
        Y = new PlotAxis("loss, nats a token"),
        Series =
        [
            .. document.Cells.Where(cell => cell.Loss is not null).GroupBy(cell => cell.Way)
                .Select(way => new PlotSeries(way.Key, [.. way.Select(cell => ((double)cell.Parts, cell.Loss!.Value))])),
        ],
    };

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0.#} %");
}
