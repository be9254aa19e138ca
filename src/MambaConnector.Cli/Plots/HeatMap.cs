using System.Text;

namespace MambaConnector.Cli.Plots;

/// <summary>A table of values as coloured cells, as an SVG image.</summary>
internal sealed record HeatMap
{
    private const double Top = 56;
    private const double Below = 62;

    // Cells at least so large carry their value as text.
    private const double SpelledWidth = 34;
    private const double SpelledHeight = 18;

    /// <summary>What it shows.</summary>
    public required string Title { get; init; }

    /// <summary>What is along the columns.</summary>
    public required string XTitle { get; init; }

    /// <summary>What is along the rows.</summary>
    public required string YTitle { get; init; }

    /// <summary>What the colours stand for, and how values are spelled.</summary>
    public required PlotAxis Value { get; init; }

    /// <summary>Labels, from the left. Where there are too many for the room, every second, third, ... is written.</summary>
    public required IReadOnlyList<string> Columns { get; init; }

    /// <summary>Labels, from above; written as those of the columns.</summary>
    public required IReadOnlyList<string> Rows { get; init; }

    /// <summary>[rows][columns]; what is no finite number has the colour of nothing.</summary>
    public required IReadOnlyList<IReadOnlyList<double>> Values { get; init; }

    /// <summary>The values of the first and of the last colour; null: the least and the greatest there is.</summary>
    public (double Low, double High)? Range { get; init; }

    /// <summary>Writes the image.</summary>
    public void Write(Stream stream)
    {
        double left = 46 + Rows.Max(label => SvgCanvas.WidthOf(label));
        double cellWidth = Math.Clamp(640.0 / Columns.Count, 2, 72);
        double cellHeight = Math.Clamp(320.0 / Rows.Count, 2, 36);
        double right = left + (cellWidth * Columns.Count);
        double bottom = Top + (cellHeight * Rows.Count);
        double[] finite = [.. Values.SelectMany(row => row).Where(double.IsFinite)];
        (double low, double high) = Range ?? (finite.Length == 0 ? (0, 1) : (finite.Min(), finite.Max()));
        double width = Math.Max(right + 100, 60 + SvgCanvas.WidthOf(Title, 16));

        using SvgCanvas canvas = new(stream, width, bottom + Below, Title);
        DrawLabels(canvas, left, right, bottom, cellWidth, cellHeight);
        DrawCells(canvas, left, cellWidth, cellHeight, value => ColourScale.Step((value - low) / Math.Max(high - low, double.Epsilon)));
        DrawScale(canvas, right + 24, bottom, low, high);
    }

    private void DrawLabels(SvgCanvas canvas, double left, double right, double bottom, double cellWidth, double cellHeight)
    {
        int rowStep = (int)Math.Ceiling(14 / cellHeight);
        for (int row = 0; row < Rows.Count; row += rowStep)
        {
            canvas.Text(Rows[row], left - 8, Top + (cellHeight * (row + 0.5)) + 4, anchor: "end");
        }

        int columnStep = (int)Math.Ceiling((Columns.Max(label => SvgCanvas.WidthOf(label)) + 6) / cellWidth);
        for (int column = 0; column < Columns.Count; column += columnStep)
        {
            canvas.Text(Columns[column], left + (cellWidth * (column + 0.5)), bottom + 18, anchor: "middle");
        }

        canvas.Text(XTitle, (left + right) / 2, bottom + 42, anchor: "middle");
        canvas.Text(YTitle, 22, (Top + bottom) / 2, anchor: "middle", isUpright: true);
    }

    // Cells of one colour that lie side by side in a row are one piece of one path, so that large tables give small files.
    private void DrawCells(SvgCanvas canvas, double left, double cellWidth, double cellHeight, Func<double, int> step)
    {
        SortedDictionary<int, StringBuilder> paths = [];
        string height = SvgCanvas.Number(cellHeight);
        for (int row = 0; row < Rows.Count; row++)
        {
            int[] steps = [.. Values[row].Select(value => double.IsFinite(value) ? step(value) : -1)];
            for (int column = 0, end; column < steps.Length; column = end)
            {
                for (end = column + 1; end < steps.Length && steps[end] == steps[column]; end++)
                {
                }

                string length = SvgCanvas.Number(cellWidth * (end - column));
                if (!paths.TryGetValue(steps[column], out StringBuilder? path))
                {
                    paths.Add(steps[column], path = new StringBuilder());
                }

                path.Append('M').Append(SvgCanvas.Number(left + (cellWidth * column))).Append(' ').Append(SvgCanvas.Number(Top + (cellHeight * row)))
                    .Append('h').Append(length).Append('v').Append(height).Append("h-").Append(length).Append('z');
            }
        }

        foreach ((int colour, StringBuilder path) in paths)
        {
            canvas.Element("path", colour < 0 ? ("class", "none") : ("fill", ColourScale.Colour(colour)), ("d", path.ToString()));
        }

        if (cellWidth < SpelledWidth || cellHeight < SpelledHeight)
        {
            return;
        }

        for (int row = 0; row < Rows.Count; row++)
        {
            for (int column = 0; column < Columns.Count; column++)
            {
                double value = Values[row][column];
                if (double.IsFinite(value))
                {
                    canvas.Text(
                        Value.Spell(value), left + (cellWidth * (column + 0.5)), Top + (cellHeight * (row + 0.5)) + 4,
                        ColourScale.IsLight(step(value)) ? "dark" : "light", "middle");
                }
            }
        }
    }

    private void DrawScale(SvgCanvas canvas, double x, double bottom, double low, double high)
    {
        double height = (bottom - Top) / ColourScale.Steps;
        for (int step = 0; step < ColourScale.Steps; step++)
        {
            // A little higher than its share, so that no seam shows.
            canvas.Element(
                "rect", ("x", x), ("y", bottom - (height * (step + 1))), ("width", 12), ("height", height + (step > 0 ? 0.4 : 0)),
                ("fill", ColourScale.Colour(step)));
        }

        canvas.Text(Value.Spell(high), x + 18, Top + 10);
        canvas.Text(Value.Spell((low + high) / 2), x + 18, ((Top + bottom) / 2) + 4);
        canvas.Text(Value.Spell(low), x + 18, bottom);
        canvas.Text(Value.Title, x + 12, Top - 10, anchor: "middle");
    }
}
