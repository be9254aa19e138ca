namespace MambaConnector.Numerics;

/// <summary>Random numbers for tests: the same for the same generator.</summary>
internal static class Samples
{
    /// <summary>Uniform in [-1, 1).</summary>
    public static double[] Vector(Random random, int length) => [.. Enumerable.Range(0, length).Select(_ => (2 * random.NextDouble()) - 1)];

    /// <summary>Uniform in [low, high).</summary>
    public static double[] Vector(Random random, int length, double low, double high) =>
        [.. Enumerable.Range(0, length).Select(_ => low + ((high - low) * random.NextDouble()))];

    /// <summary>[rows][columns], uniform in [-1, 1).</summary>
    public static double[][] Rows(Random random, int rows, int columns) => [.. Enumerable.Range(0, rows).Select(_ => Vector(random, columns))];

    /// <summary>[rows][columns], uniform in [low, high).</summary>
    public static double[][] Rows(Random random, int rows, int columns, double low, double high) =>
        [.. Enumerable.Range(0, rows).Select(_ => Vector(random, columns, low, high))];

    /// <summary>[rows, columns], uniform in [-1, 1).</summary>
    public static double[,] Matrix(Random random, int rows, int columns)
    {
        double[,] matrix = new double[rows, columns];
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                matrix[i, j] = (2 * random.NextDouble()) - 1;
            }
        }

        return matrix;
    }
}
