using System.Numerics;
using MambaConnector.Numerics.StateSpace;

namespace MambaConnector.Numerics.Scan;

/// <summary>S5's diagonal state is a real system in other coordinates, and its scan is the recurrence.</summary>
public sealed class DiagonalSystemTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(77)]
    [InlineData(256)]
    public void TheParallelScanIsTheRecurrence(int length)
    {
        DiagonalSystem system = Create(new Random(3), 5, 3);
        double[][] inputs = Samples.Rows(new Random(length), length, 3);
        Close.Equal(
            system.Run(inputs, 0.1, (steps, initial) => ParallelScan.Sequential(steps, initial)),
            system.Run(inputs, 0.1, (steps, initial) => ParallelScan.Blelloch(steps, initial)), 1e-12);
    }

    /// <summary>A complex number lambda = s + iw and its conjugate are the real block [s -w; w s] over (Re h, Im h), and 2 Re(c h) is
    /// (2 Re c, -2 Im c) on it.</summary>
    [Fact]
    public void AConjugatePairIsARealBlock()
    {
        Complex lambda = new(-0.4, 3);
        Complex b = new(0.7, -0.2);
        Complex c = new(0.3, 0.9);
        DiagonalSystem diagonal = new([lambda], [[b]], [[c]]);
        ContinuousSystem real = new(
            new[,] { { lambda.Real, -lambda.Imaginary }, { lambda.Imaginary, lambda.Real } }, [b.Real, b.Imaginary], [2 * c.Real, -2 * c.Imaginary]);
        double[] inputs = Samples.Vector(new Random(4), 120);
        double[][] rows = [.. inputs.Select(input => new[] { input })];
        double[][] outputs = diagonal.Run(rows, 0.1, (steps, initial) => ParallelScan.Blelloch(steps, initial));
        Close.Equal(real.Discretize(0.1, DiscretizationRule.ZeroOrderHold).Recur(inputs), [.. outputs.Select(row => row[0])], 1e-12);
    }

    private static DiagonalSystem Create(Random random, int states, int width)
    {
        Complex[][] Rows(int rows, int columns) =>
            [.. Samples.Rows(random, rows, 2 * columns).Select(row => row.Chunk(2).Select(pair => new Complex(pair[0], pair[1])).ToArray())];

        return new([.. Enumerable.Range(0, states).Select(n => new Complex(-0.5, Math.PI * n))], Rows(states, width), Rows(width, states));
    }
}
