namespace MambaConnector.Cli.Plots;

/// <summary>Where the values of an axis lie on the paper, and where its ticks are.</summary>
internal sealed class AxisScale
{
    private readonly double _low;
    private readonly double _high;
    private readonly double _from;
    private readonly double _to;
    private readonly bool _isLogarithmic;

    private AxisScale(double low, double high, double from, double to, bool isLogarithmic, double[] ticks)
    {
        (_low, _high, _from, _to, _isLogarithmic, Ticks) = (low, high, from, to, isLogarithmic, ticks);
    }

    /// <summary>Values at which there is a tick, ascending.</summary>
    public IReadOnlyList<double> Ticks { get; }

    /// <summary>A scale that holds all finite values. A logarithmic one leaves out those that are not above 0.</summary>
    /// <param name="axis">Its kind.</param>
    /// <param name="values">What is to be on it.</param>
    /// <param name="from">Where it begins on the paper.</param>
    /// <param name="to">Where it ends.</param>
    /// <param name="maximumTicks">Ticks that have room; at least 2.</param>
    public static AxisScale Create(PlotAxis axis, IEnumerable<double> values, double from, double to, int maximumTicks)
    {
        bool isLogarithmic = axis.LogarithmBase > 0;
        double[] shown = [.. values.Where(value => double.IsFinite(value) && (!isLogarithmic || value > 0))];
        (double low, double high) = shown.Length == 0 ? (1, 2) : (shown.Min(), shown.Max());
        return isLogarithmic
            ? Logarithmic(axis.LogarithmBase, low, high, from, to, maximumTicks)
            : Linear(low, high, from, to, maximumTicks);
    }

    /// <summary>Whether the value has a place.</summary>
    public bool Holds(double value) => double.IsFinite(value) && (!_isLogarithmic || value > 0);

    /// <summary>The place of a value.</summary>
    public double Place(double value)
    {
        double share = _isLogarithmic ? Math.Log(value / _low) / Math.Log(_high / _low) : (value - _low) / (_high - _low);
        return _from + ((_to - _from) * share);
    }

    // The axis begins and ends at a tick: a step of 1, 2 or 5 times a power of ten.
    private static AxisScale Linear(double low, double high, double from, double to, int maximumTicks)
    {
        if (high - low <= 1e-9 * Math.Max(Math.Abs(low), Math.Abs(high)))
        {
            double margin = high == 0 ? 1 : Math.Abs(high) / 10;
            (low, high) = (low - margin, high + margin);
        }

        double decade = Math.Pow(10, Math.Floor(Math.Log10((high - low) / maximumTicks)));
        double step = decade * new[] { 1.0, 2, 5, 10, 20 }.First(factor => Steps(factor * decade) < maximumTicks);
        long first = (long)Math.Floor(low / step);
        double[] ticks = [.. Enumerable.Range(0, (int)Steps(step) + 1).Select(index => (first + index) * step)];
        return new AxisScale(ticks[0], ticks[^1], from, to, isLogarithmic: false, ticks);

        double Steps(double size) => Math.Ceiling(high / size) - Math.Floor(low / size);
    }

    // Ticks at whole powers, all or every second, third, ... of them; the axis ends with the data.
    private static AxisScale Logarithmic(int powersOf, double low, double high, double from, double to, int maximumTicks)
    {
        if (high <= low * 1.0001)
        {
            (low, high) = (low / powersOf, high * powersOf);
        }

        double unit = Math.Log(powersOf);
        int first = (int)Math.Ceiling((Math.Log(low) / unit) - 1e-9);
        int last = (int)Math.Floor((Math.Log(high) / unit) + 1e-9);
        int step = Math.Max(1, (int)Math.Ceiling((last - first + 1.0) / maximumTicks));

        // Fewer than two powers within: the ends themselves are the ticks.
        double[] ticks = last - first < 1
            ? [low, high]
            : [.. Enumerable.Range(first, last - first + 1).Where(power => power % step == 0).Select(power => Math.Pow(powersOf, power))];
        return new AxisScale(low, high, from, to, isLogarithmic: true, ticks);
    }
}
