using MambaConnector.Numerics.StateSpace;

namespace MambaConnector.Numerics.Selective;

/// <summary>S6 as a recurrence, as a parallel scan, and with fixed parameters as the S4 that it generalises.</summary>
public sealed class SelectiveScanTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(64)]
    [InlineData(131)]
    public void TheParallelScanIsTheRecurrence(int length)
    {
        SelectiveScan scan = Create(new Random(length), length);
        double[,] state = Samples.Matrix(new Random(5), 3, 4);
        double[,] scanned = (double[,])state.Clone();
        Close.Equal(scan.Recur(state), scan.Scan(scanned), 1e-12);
        Close.Equal(state, scanned, 1e-12);
    }

    /// <summary>dt, B and C that are the same for every token: a system with fixed parameters, whose output is a convolution.</summary>
    [Fact]
    public void WithoutSelectionItIsAConvolution()
    {
        Random random = new(6);
        const int Length = 90;
        double[] b = Samples.Vector(random, 4);
        double[] c = Samples.Vector(random, 4);
        double[] x = Samples.Vector(random, Length);
        double[] dt = [0.1];
        double[,] a = { { -1, -2, -3, -4 } };
        SelectiveScan scan = new(
            [.. x.Select(value => new[] { value })], [.. x.Select(_ => dt)], [.. x.Select(_ => b)], [.. x.Select(_ => c)], a, [0]);
        double[,] diagonal = new double[4, 4];
        for (int n = 0; n < 4; n++)
        {
            diagonal[n, n] = a[0, n];
        }

        DiscreteSystem system = new ContinuousSystem(diagonal, b, c).Discretize(0.1, DiscretizationRule.Mamba);
        Close.Equal(system.Convolve(x), [.. scan.Recur(new double[1, 4]).Select(row => row[0])], 1e-12);
    }

    /// <summary>Selection's two ends: a token with dt = 0 leaves no trace, and one with a large dt erases what was before (section 3.5.2).</summary>
    [Fact]
    public void DtChoosesBetweenSkippingAndResetting()
    {
        SelectiveScan scan = Create(new Random(7), 8);
        double[,] state = Samples.Matrix(new Random(8), 3, 4);
        double[,] before = (double[,])state.Clone();
        Array.ForEach(scan.Dt, row => Array.Fill(row, 0));
        scan.Recur(state);
        Assert.Equal(before, state);

        Array.Fill(scan.Dt[7], 1e4);
        scan.Recur(state);
        double[,] alone = new double[3, 4];
        new SelectiveScan([scan.X[7]], [scan.Dt[7]], [scan.B[7]], [scan.C[7]], scan.A, scan.D).Recur(alone);
        Assert.Equal(alone, state);
    }

    private static SelectiveScan Create(Random random, int length)
    {
        double[,] a = new double[3, 4];
        for (int d = 0; d < 3; d++)
        {
            for (int n = 0; n < 4; n++)
            {
                a[d, n] = -(n + 1) * (0.5 + random.NextDouble());
            }
        }

        return new(
            Samples.Rows(random, length, 3), Samples.Rows(random, length, 3, 0.001, 0.2), Samples.Rows(random, length, 4),
            Samples.Rows(random, length, 4), a, Samples.Vector(random, 3));
    }
}
