using System.Globalization;
using MambaConnector.Cli.Bench;
using MambaConnector.Cli.Plots;

namespace MambaConnector.Cli.Output;

/// <summary>A <see cref="BenchPositionsDocument"/> for people: as lines, as a table, as a picture.</summary>
internal static class PositionsReport
{
    private const double Mebibyte = 1 << 20;

    /// <summary>A line for each position.</summary>
    public static void Print(TextWriter output, BenchPositionsDocument document)
    {
        output.WriteLine($"{document.Device}, {document.DeviceName}, {document.Weights}, policy {document.Policy}");
        output.WriteLine($"{"position",10}  {"prefill, tokens/s",18}  {"decode, tokens/s",18}  {"memory, MiB",12}");
        foreach (BenchPosition at in document.Positions)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{TokenLengths.Format(at.Position),10}  {at.PrefillTokensPerSecond,18:N0}  {at.DecodeTokensPerSecond,18:N0}  " +
                $"{at.RssBytes / Mebibyte,12:N1}"));
        }

        string outcome = document.ContinuesExactly ? "goes on with the same bits" : "does NOT go on with the same bits";
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"saved in {document.SavedBytes:N0} bytes and loaded, it {outcome}"));
    }

    /// <summary>A row for each position.</summary>
    public static CsvTable ToTable(BenchPositionsDocument document)
    {
        CsvTable table = new(
            "position", "prefill_tokens_per_second", "best_prefill_tokens_per_second", "decode_tokens_per_second", "best_decode_tokens_per_second",
            "rss_bytes", "state_bytes");
        foreach (BenchPosition at in document.Positions)
        {
            table.AddRow(
                at.Position, at.PrefillTokensPerSecond, at.BestPrefillTokensPerSecond, at.DecodeTokensPerSecond, at.BestDecodeTokensPerSecond,
                at.RssBytes, at.StateBytes);
        }

        return table;
    }

    /// <summary>Speeds and memory, each as a share of its value at the first position: what is flat stays at 1.</summary>
    public static LineChart ToChart(BenchPositionsDocument document) => new()
    {
        Title = $"Cost of a token by position: {document.Weights}, policy {document.Policy}",
        X = PlotAxis.Positions,
        Y = new PlotAxis("share of the value at the first position"),
        Including = 0,
        Series =
        [
            Relative(document, "prefill speed, best", at => at.BestPrefillTokensPerSecond),
            Relative(document, "decode speed, best", at => at.BestDecodeTokensPerSecond),
            Relative(document, "memory of the process", at => at.RssBytes),
        ],
    };

    private static PlotSeries Relative(BenchPositionsDocument document, string name, Func<BenchPosition, double> value) =>
        new(name, [.. document.Positions.Select(at => ((double)at.Position, value(at) / value(document.Positions[0])))]);
}
