using System.Text;

namespace MambaConnector.Cli.Plots;

/// <summary>Lines over a common axis, as an SVG image.</summary>
internal sealed record LineChart
{
    private const double Width = 860;
    private const double LeastHeight = 440;
    private const double Left = 72;
    private const double Top = 56;
    private const double Below = 58;
    private const double LegendRow = 20;

    // Dots are drawn where there are few enough to be told apart.
    private const int MaximumDots = 48;

    /// <summary>What it shows.</summary>
    public required string Title { get; init; }

    /// <summary>The axis below.</summary>
    public required PlotAxis X { get; init; }

    /// <summary>The axis at the left.</summary>
    public required PlotAxis Y { get; init; }

    /// <summary>The lines.</summary>
    public required IReadOnlyList<PlotSeries> Series { get; init; }

    /// <summary>A value of x that is marked by an upright line, and what stands beside it.</summary>
    public (double X, string Label)? Mark { get; init; }

    /// <summary>A value of y that the axis shows in any case, for example 0.</summary>
    public double? Including { get; init; }

    // As high as the names of the lines need.
    private double Height => Math.Max(LeastHeight, Top + (LegendRow * (Series.Count + 1)));

    private double Bottom => Height - Below;

    /// <summary>Writes the image.</summary>
    public void Write(Stream stream)
    {
        double legend = Series.Count > 1 ? 46 + Series.Max(series => SvgCanvas.WidthOf(series.Name)) : 28;
        double right = Width - Math.Min(legend, Width / 2);
        IEnumerable<(double X, double Y)> points = Series.SelectMany(series => series.Points).Where(point => double.IsFinite(point.Y));
        AxisScale x = AxisScale.Create(X, points.Select(point => point.X), Left, right, 14);
        AxisScale y = AxisScale.Create(Y, points.Select(point => point.Y).Concat(Including is double value ? [value] : []), Bottom, Top, 8);

        using SvgCanvas canvas = new(stream, Width, Height, Title);
        DrawAxes(canvas, x, y, right);
        if (Mark is (double at, string label) && x.Holds(at) && x.Place(at) is double place && place >= Left && place <= right)
        {
            canvas.Line("mark", place, Top - 6, place, Bottom);
            canvas.Text(label, place, Top - 11, anchor: "middle");
        }

        for (int index = 0; index < Series.Count; index++)
        {
            Draw(canvas, Series[index].Points, index, x, y);
        }

        for (int index = 0; index < Series.Count && Series.Count > 1; index++)
        {
            double row = Top + 8 + (LegendRow * index);
            Stroke(canvas, $"M{SvgCanvas.Number(right + 14)} {SvgCanvas.Number(row)}h18", index);
            canvas.Text(Series[index].Name, right + 38, row + 4, "name");
        }
    }

    private void DrawAxes(SvgCanvas canvas, AxisScale x, AxisScale y, double right)
    {
        foreach (double tick in y.Ticks)
        {
            double place = y.Place(tick);
            canvas.Line("grid", Left, place, right, place);
            canvas.Text(Y.Spell(tick), Left - 8, place + 4, anchor: "end");
        }

        foreach (double tick in x.Ticks)
        {
            double place = x.Place(tick);
            canvas.Line("axis", place, Bottom, place, Bottom + 5);
            canvas.Text(X.Spell(tick), place, Bottom + 20, anchor: "middle");
        }

        canvas.Line("axis", Left, Bottom, right, Bottom);
        canvas.Text(X.Title, (Left + right) / 2, Bottom + 44, anchor: "middle");
        canvas.Text(Y.Title, 22, (Top + Bottom) / 2, anchor: "middle", isUpright: true);
    }

    private static void Draw(SvgCanvas canvas, IReadOnlyList<(double X, double Y)> points, int index, AxisScale x, AxisScale y)
    {
        StringBuilder path = new();
        bool isBroken = true;
        foreach ((double pointX, double pointY) in points)
        {
            bool isShown = x.Holds(pointX) && y.Holds(pointY);
            if (isShown)
            {
                path.Append(isBroken ? 'M' : 'L').Append(SvgCanvas.Number(x.Place(pointX))).Append(' ').Append(SvgCanvas.Number(y.Place(pointY)));
            }

            isBroken = !isShown;
        }

        Stroke(canvas, path.ToString(), index);
        foreach ((double pointX, double pointY) in points.Where(point => points.Count <= MaximumDots && x.Holds(point.X) && y.Holds(point.Y)))
        {
            canvas.Element("circle", ("class", $"dot {Colour(index)}"), ("cx", x.Place(pointX)), ("cy", y.Place(pointY)), ("r", 2.6));
        }
    }

    // When the colours are used up they come again, dashed.
    private static void Stroke(SvgCanvas canvas, string path, int index)
    {
        if (index < SvgCanvas.ColourCount)
        {
            canvas.Element("path", ("class", $"line {Colour(index)}"), ("d", path));
        }
        else
        {
            canvas.Element("path", ("class", $"line {Colour(index)}"), ("stroke-dasharray", "6 4"), ("d", path));
        }
    }

    private static string Colour(int index) => $"c{index % SvgCanvas.ColourCount}";
}
