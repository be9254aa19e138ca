namespace MambaConnector.Cli.Plots;

/// <summary>Colours from dark blue over green to yellow, which get lighter evenly and which all eyes tell apart (viridis), in 64 steps.</summary>
internal static class ColourScale
{
    /// <summary>Number of colours.</summary>
    public const int Steps = 64;

    // Viridis at ninths of its length.
    private static readonly (double Red, double Green, double Blue)[] _points =
    [
        (68, 1, 84), (72, 40, 120), (62, 74, 137), (49, 104, 142), (38, 130, 142),
        (31, 158, 137), (53, 183, 121), (109, 205, 89), (180, 222, 44), (253, 231, 37),
    ];

    /// <summary>The step of a share, which lies between 0 and 1; what lies outside gets the end.</summary>
    public static int Step(double share) => Math.Clamp((int)(share * Steps), 0, Steps - 1);

    /// <summary>The colour of a step, as <c>#rrggbb</c>.</summary>
    public static string Colour(int step)
    {
        double place = (_points.Length - 1) * (double)step / (Steps - 1);
        int index = Math.Min((int)place, _points.Length - 2);
        double share = place - index;
        (double red, double green, double blue) = _points[index];
        (double nextRed, double nextGreen, double nextBlue) = _points[index + 1];
        return $"#{Mix(red, nextRed):x2}{Mix(green, nextGreen):x2}{Mix(blue, nextBlue):x2}";

        int Mix(double from, double to) => (int)Math.Round(from + ((to - from) * share));
    }

    /// <summary>Whether text on the colour has to be dark to be read.</summary>
    public static bool IsLight(int step) => step > Steps * 6 / 10;
}
