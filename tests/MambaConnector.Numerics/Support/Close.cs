using MambaConnector.Numerics.StateSpace;

namespace MambaConnector.Numerics;

/// <summary>Equality of arrays of numbers up to rounding.</summary>
internal static class Close
{
    /// <summary>Every number differs by at most <paramref name="tolerance"/> of the largest expected one (of 1, where that is larger).</summary>
    public static void Equal(IReadOnlyList<double> expected, IReadOnlyList<double> actual, double tolerance)
    {
        Assert.Equal(expected.Count, actual.Count);
        double scale = Math.Max(1, expected.Count == 0 ? 0 : expected.Max(Math.Abs));
        for (int i = 0; i < expected.Count; i++)
        {
            double error = Math.Abs(expected[i] - actual[i]);
            Assert.True(error <= tolerance * scale, $"Number {i} is {actual[i]:R}, not {expected[i]:R}: off by {error:E2}.");
        }
    }

    /// <inheritdoc cref="Equal(IReadOnlyList{double}, IReadOnlyList{double}, double)"/>
    public static void Equal(double[,] expected, double[,] actual, double tolerance)
    {
        Assert.Equal(expected.GetLength(0), actual.GetLength(0));
        Equal([.. expected.Cast<double>()], [.. actual.Cast<double>()], tolerance);
    }

    /// <inheritdoc cref="Equal(IReadOnlyList{double}, IReadOnlyList{double}, double)"/>
    public static void Equal(double[][] expected, double[][] actual, double tolerance)
    {
        Assert.Equal(expected.Select(row => row.Length), actual.Select(row => row.Length));
        Equal([.. expected.SelectMany(row => row)], [.. actual.SelectMany(row => row)], tolerance);
    }

    /// <summary>Whether two matrices differ by more than <paramref name="tolerance"/> of the first one's norm.</summary>
    public static bool Differ(double[,] first, double[,] second, double tolerance) =>
        Matrices.Norm(Matrices.Add(first, second, -1)) > tolerance * Matrices.Norm(first);
}
