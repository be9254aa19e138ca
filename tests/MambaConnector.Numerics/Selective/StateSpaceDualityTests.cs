namespace MambaConnector.Numerics.Selective;

/// <summary>Mamba-2's chunked form is its recurrence, and one chunk of everything is attention with a mask of decays.</summary>
public sealed class StateSpaceDualityTests
{
    [Fact]
    public void TheChunkedFormIsTheRecurrenceForEveryChunkSize()
    {
        const int Length = 37;
        StateSpaceDuality head = Create(new Random(9), Length);
        double[,] initial = Samples.Matrix(new Random(10), 3, 5);
        double[,] last = (double[,])initial.Clone();
        double[][] outputs = head.Recur(last);
        for (int chunk = 1; chunk <= Length + 1; chunk++)
        {
            double[,] state = (double[,])initial.Clone();
            Close.Equal(outputs, head.Chunked(state, chunk), 1e-13);
            Close.Equal(last, state, 1e-13);
        }
    }

    /// <summary>Y = (L o C B^T) (dt X) with L_ij = exp(A (dt_{j+1} + .. + dt_i)) below and on the diagonal (section 5): a product of
    /// matrices that knows
    /// no state.</summary>
    [Fact]
    public void TheRecurrenceIsMaskedAttention()
    {
        const int Length = 29;
        StateSpaceDuality head = Create(new Random(11), Length);
        double[][] attended = [.. Enumerable.Range(0, Length).Select(i => Enumerable.Range(0, 3).Select(p =>
        {
            double y = head.D * head.X[i][p];
            for (int j = 0; j <= i; j++)
            {
                double mask = Math.Exp(head.A * head.Dt[(j + 1)..(i + 1)].Sum());
                y += mask * head.C[i].Zip(head.B[j], (c, b) => c * b).Sum() * head.Dt[j] * head.X[j][p];
            }

            return y;
        }).ToArray())];
        Close.Equal(attended, head.Recur(new double[3, 5]), 1e-13);
    }

    /// <summary>A head whose channels are looked at one by one is S6 with the same decay for all states.</summary>
    [Fact]
    public void AHeadIsASelectiveScanWithOneDecay()
    {
        const int Length = 41;
        StateSpaceDuality head = Create(new Random(12), Length);
        double[,] a = new double[3, 5];
        for (int p = 0; p < 3; p++)
        {
            for (int n = 0; n < 5; n++)
            {
                a[p, n] = head.A;
            }
        }

        double[][] dt = [.. head.Dt.Select(value => new[] { value, value, value })];
        SelectiveScan scan = new(head.X, dt, head.B, head.C, a, [head.D, head.D, head.D]);
        Close.Equal(head.Recur(new double[3, 5]), scan.Recur(new double[3, 5]), 1e-13);
    }

    private static StateSpaceDuality Create(Random random, int length) => new(
        Samples.Rows(random, length, 3), Samples.Vector(random, length, 0.001, 0.3), Samples.Rows(random, length, 5), Samples.Rows(random, length, 5),
        -1.5, 0.8);
}
