namespace MambaConnector.Cli.Plots;

/// <summary>A line of a chart.</summary>
/// <param name="Name">What the legend calls it.</param>
/// <param name="Points">In the order of x; where y is no finite number, the line is broken.</param>
internal sealed record PlotSeries(string Name, IReadOnlyList<(double X, double Y)> Points);
