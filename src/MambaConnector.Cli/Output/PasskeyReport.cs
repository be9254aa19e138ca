using System.Globalization;
using MambaConnector.Cli.Evaluation;
using MambaConnector.Cli.Plots;

namespace MambaConnector.Cli.Output;

/// <summary>An <see cref="EvalPasskeyDocument"/> for people: as lines, as a table, as a picture.</summary>
internal static class PasskeyReport
{
    /// <summary>The share of each length, a column a policy.</summary>
    public static void Print(TextWriter output, EvalPasskeyDocument document)
    {
        int width = Math.Max(10, document.Policies.Max(series => series.Policy.Length));
        output.WriteLine($"{document.Model}: {document.Depths} depths, {document.Samples} keys at each, seed {document.Seed}");
        WriteRow("length", series => series.Policy);
        for (int index = 0; index < document.Lengths.Count; index++)
        {
            WriteRow(TokenLengths.Format(document.Lengths[index]), series => Percent(series.Lengths[index].Share));
        }

        WriteRow("T_recall", series => series.RecallLength is long length ? TokenLengths.Format(length) : "-");

        void WriteRow(string name, Func<EvalPasskeySeries, string> value) =>
            output.WriteLine($"{name,-10}{string.Concat(document.Policies.Select(series => $"  {value(series).PadLeft(width)}"))}");
    }

    /// <summary>A row for each policy, length and depth.</summary>
    public static CsvTable ToTable(EvalPasskeyDocument document)
    {
        CsvTable table = new("policy", "length", "depth", "correct", "samples");
        foreach (PasskeyCell cell in document.Policies.SelectMany(series => series.Cells))
        {
            table.AddRow(cell.Policy, cell.Length, cell.Depth, cell.Correct, cell.Samples);
        }

        return table;
    }

    /// <summary>Length by depth; of several policies one below the other.</summary>
    public static HeatMap ToHeatMap(EvalPasskeyDocument document)
    {
        bool isOne = document.Policies.Count == 1;
        (EvalPasskeySeries Series, double Depth)[] rows =
            [.. document.Policies.SelectMany(series => Depths(document).Select(depth => (series, depth)))];
        return new HeatMap
        {
            Title = $"{Path.GetFileName(document.Model.TrimEnd('/', '\\'))}: passkeys found{(isOne ? $", {document.Policies[0].Policy}" : "")}",
            XTitle = "length, tokens",
            YTitle = isOne ? "depth" : "policy, depth",
            Value = new PlotAxis("found", 0, Percent),
            Columns = [.. document.Lengths.Select(TokenLengths.Format)],
            Rows = [.. rows.Select(row => isOne ? Percent(row.Depth) : $"{row.Series.Policy}, {Percent(row.Depth)}")],
            Values = [.. rows.Select(row => document.Lengths.Select(length => Share(row.Series, length, row.Depth)).ToArray())],
            Range = (0, 1),
        };
    }

    private static double Share(EvalPasskeySeries series, long length, double depth)
    {
        PasskeyCell cell = series.Cells.First(cell => cell.Length == length && cell.Depth == depth);
        return (double)cell.Correct / cell.Samples;
    }

    private static IEnumerable<double> Depths(EvalPasskeyDocument document) =>
        document.Policies[0].Cells.Select(cell => cell.Depth).Distinct().Order();

    private static string Percent(double share) => string.Create(CultureInfo.InvariantCulture, $"{100 * share:0.#} %");
}
