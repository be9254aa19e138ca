using MambaConnector.Numerics.Scan;

namespace MambaConnector.Numerics.Selective;

/// <summary>S6, the scan of Mamba-1 (arXiv 2312.00752, algorithm 2): step size, input and output matrix come from the input, so each token
/// chooses what
/// the state keeps and takes in.</summary>
/// <remarks>h_t[d,n] = exp(dt_t[d] A[d,n]) h_{t-1}[d,n] + dt_t[d] B_t[n] x_t[d];   y_t[d] = sum_n C_t[n] h_t[d,n] + D[d] x_t[d]. Channels
/// d share B and C
/// and nothing else.</remarks>
/// <param name="X">[T][d_inner].</param>
/// <param name="Dt">[T][d_inner], above 0.</param>
/// <param name="B">[T][d_state].</param>
/// <param name="C">[T][d_state].</param>
/// <param name="A">[d_inner, d_state], below 0.</param>
/// <param name="D">[d_inner]: x's way around the state.</param>
internal sealed record SelectiveScan(double[][] X, double[][] Dt, double[][] B, double[][] C, double[,] A, double[] D)
{
    /// <summary>Token after token.</summary>
    /// <param name="state">[d_inner, d_state]: holds the initial state, and then the last one.</param>
    /// <returns>The outputs [T][d_inner].</returns>
    public double[][] Recur(double[,] state)
    {
        double[][] outputs = new double[X.Length][];
        for (int t = 0; t < X.Length; t++)
        {
            outputs[t] = new double[D.Length];
            for (int d = 0; d < D.Length; d++)
            {
                outputs[t][d] = D[d] * X[t][d];
                for (int n = 0; n < A.GetLength(1); n++)
                {
                    state[d, n] = Step(t, d, n).Apply(state[d, n]);
                    outputs[t][d] += C[t][n] * state[d, n];
                }
            }
        }

        return outputs;
    }

    /// <summary>All tokens at once, by a parallel scan over each number of the state.</summary>
    /// <inheritdoc cref="Recur"/>
    public double[][] Scan(double[,] state)
    {
        double[][] outputs = [.. X.Select(row => row.Zip(D, (x, d) => d * x).ToArray())];
        for (int d = 0; d < D.Length; d++)
        {
            for (int n = 0; n < A.GetLength(1); n++)
            {
                double[] states = ParallelScan.Blelloch([.. Enumerable.Range(0, X.Length).Select(t => Step(t, d, n))], state[d, n]);
                for (int t = 0; t < X.Length; t++)
                {
                    outputs[t][d] += C[t][n] * states[t];
                }

                state[d, n] = states.Length == 0 ? state[d, n] : states[^1];
            }
        }

        return outputs;
    }

    private AffineMap<double> Step(int t, int d, int n) => new(Math.Exp(Dt[t][d] * A[d, n]), Dt[t][d] * B[t][n] * X[t][d]);
}
