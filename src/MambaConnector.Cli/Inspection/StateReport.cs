using System.Globalization;
using MambaConnector.Cli.Output;
using MambaConnector.Cli.Plots;

namespace MambaConnector.Cli.Inspection;

/// <summary>A state's history in all the forms in which it is shown.</summary>
internal sealed class StateReport
{
    private readonly string _model;
    private readonly string _policy;
    private readonly int _every;
    private readonly long _trainingLength;
    private readonly StateHistory _history;
    private readonly HeadDocument[] _heads;
    private readonly HeadDocument[] _top;

    /// <param name="model">What the user calls the model.</param>
    /// <param name="policy">The long-context policy.</param>
    /// <param name="every">Tokens between samples.</param>
    /// <param name="trainingLength">Tokens; 0 where it is not known.</param>
    /// <param name="history">At least one sample.</param>
    /// <param name="order">What makes a head extreme.</param>
    /// <param name="top">How many of these are shown.</param>
    public StateReport(string model, string policy, int every, long trainingLength, StateHistory history, HeadOrder order, int top)
    {
        (_model, _policy, _every, _trainingLength, _history) = (model, policy, every, trainingLength, history);
        _heads = [.. Enumerable.Range(0, history.LayerCount * history.HeadCount).Select(Describe)];

        // A head whose numbers are none any more is the most extreme.
        _top =
        [
            .. _heads.OrderByDescending(head => double.IsFinite(head.Norm) ? Rank(head, order) ?? double.NegativeInfinity : double.PositiveInfinity)
                .Take(top),
        ];
    }

    private long TokenCount => _history.Positions[^1];

    /// <summary>The document.</summary>
    public StateDocument ToDocument() => new(
        _model, _policy, TokenCount, _every, _trainingLength > 0 ? _trainingLength : null, _history.LayerCount, _history.HeadCount, _heads,
        _history.Positions, [.. _top.Select(Series)]);

    /// <summary>All heads at all positions.</summary>
    public CsvTable ToTable()
    {
        CsvTable table = new(
            "position", "layer", "head", "mean", "variance", "norm", "rms", "max_abs", "outlier", "retention", "horizon", "top_channel",
            "top_channel_share");
        table.AddRows(_history.Samples.SelectMany(
            (heads, sample) => heads.Select((head, index) => Row(_history.Positions[sample], _heads[index], head))));
        return table;
    }

    /// <summary>Norms of all heads at the end, layers by heads.</summary>
    public void DrawHeatMap(Stream stream) => new HeatMap
    {
        Title = $"{Path.GetFileName(_model.TrimEnd('/', '\\'))}, policy {_policy}: norm of each head's state after {TokenCount:N0} tokens",
        XTitle = "head",
        YTitle = "layer",
        Value = new PlotAxis("norm", Format: value => Math.Pow(10, value).ToString("G2", CultureInfo.InvariantCulture)),
        Columns = [.. Enumerable.Range(0, _history.HeadCount).Select(head => head.ToString(CultureInfo.InvariantCulture))],
        Rows = [.. Enumerable.Range(0, _history.LayerCount).Select(layer => layer.ToString(CultureInfo.InvariantCulture))],
        Values =
        [
            // Norms of a model's heads lie powers of ten apart.
            .. _heads.Chunk(_history.HeadCount).Select(row => row.Select(head => Math.Log10(head.Norm)).ToArray()),
        ],
    }.Write(stream);

    /// <summary>Norms of the most extreme heads over time.</summary>
    public void DrawOverTime(Stream stream) => new LineChart
    {
        Title = $"{Path.GetFileName(_model.TrimEnd('/', '\\'))}, policy {_policy}: norm of the most extreme heads",
        X = new PlotAxis("position, tokens", Format: value => value.ToString("N0", CultureInfo.InvariantCulture)),
        Y = new PlotAxis("norm"),
        Including = 0,
        Mark = _trainingLength > 0 ? (_trainingLength, "T_train") : null,
        Series =
        [
            .. _top.Select(head => new PlotSeries(
                $"layer {head.Layer}, head {head.Head}",
                [.. _history.Positions.Zip(
                    _history.Samples, (position, sample) => ((double)position, (double)sample[IndexOf(head)].Statistics.Norm))])),
        ],
    }.Write(stream);

    /// <summary>The most extreme heads as a table.</summary>
    public void Print(TextWriter output)
    {
        output.WriteLine($"{_model}, policy {_policy}, {TokenCount:N0} tokens read; the most extreme of {_heads.Length} heads");
        output.WriteLine("layer  head       norm       mean   variance   max/rms  retention    horizon   growth  largest channels");
        foreach (HeadDocument head in _top)
        {
            string channels = string.Join(
                ", ", head.Channels.Select(channel => string.Create(CultureInfo.InvariantCulture, $"{channel.Channel} {channel.Share:P0}")));
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{head.Layer,5} {head.Head,5} {Spell(head.Norm),10} {Spell(head.Mean),10} {Spell(head.Variance),10} {Spell(head.Outlier),9} " +
                $"{Spell(head.Retention),10} {Spell(head.Horizon),10} {Spell(head.Growth),8}  {channels}"));
        }
    }

    private static object?[] Row(long position, HeadDocument place, HeadSample head)
    {
        HeadStatistics numbers = head.Statistics;
        return
        [
            position, place.Layer, place.Head, head.Mean, (double)numbers.Variance, (double)numbers.Norm, (double)numbers.Rms, (double)numbers.MaxAbs,
            (double)numbers.Outlier, (double)numbers.Retention, (double)numbers.Horizon, head.Channels[0].Channel, head.Channels[0].Share,
        ];
    }

    private static string Spell(double? value) =>
        value is double number && double.IsFinite(number) ? number.ToString("G4", CultureInfo.InvariantCulture) : "-";

    private static double? Rank(HeadDocument head, HeadOrder order) => order switch
    {
        HeadOrder.Variance => head.Variance,
        HeadOrder.Outlier => head.Outlier,
        HeadOrder.Retention => head.Retention,
        HeadOrder.Growth => head.Growth,
        _ => head.Norm,
    };

    private int IndexOf(HeadDocument head) => (head.Layer * _history.HeadCount) + head.Head;

    private HeadDocument Describe(int index)
    {
        HeadSample head = _history.Last(index);
        HeadStatistics numbers = head.Statistics;
        return new HeadDocument(
            index / _history.HeadCount,
            index % _history.HeadCount,
            head.Mean,
            numbers.Variance,
            numbers.Norm,
            numbers.Rms,
            numbers.MaxAbs,
            numbers.Outlier,
            numbers.Retention,
            numbers.Horizon,
            _trainingLength > 0 ? _history.Growth(index, _trainingLength) : null,
            [.. head.Channels.Select(channel => new ChannelDocument(channel.Channel, channel.Share))]);
    }

    private HeadSeriesDocument Series(HeadDocument head)
    {
        HeadStatistics[] over = [.. _history.Samples.Select(sample => sample[IndexOf(head)].Statistics)];
        return new HeadSeriesDocument(
            head.Layer, head.Head, [.. over.Select(numbers => (double)numbers.Norm)], [.. over.Select(numbers => (double)numbers.Variance)],
            [.. over.Select(numbers => (double)numbers.Outlier)]);
    }
}
