namespace MambaConnector.Numerics.Selective;

/// <summary>One head of Mamba-2 (arXiv 2405.21060): a decay that is one number for the whole state, so that the scan is products of
/// matrices.</summary>
/// <remarks>S_t = exp(dt_t A) S_{t-1} + dt_t x_t B_t^T;   y_t = S_t C_t + D x_t.</remarks>
/// <param name="X">[T][head_dim].</param>
/// <param name="Dt">[T], above 0.</param>
/// <param name="B">[T][d_state].</param>
/// <param name="C">[T][d_state].</param>
/// <param name="A">Below 0.</param>
/// <param name="D">x's way around the state.</param>
internal sealed record StateSpaceDuality(double[][] X, double[] Dt, double[][] B, double[][] C, double A, double D)
{
    private int HeadDim => X[0].Length;

    private int StateSize => B[0].Length;

    /// <summary>Token after token.</summary>
    /// <param name="state">[head_dim, d_state]: holds the initial state, and then the last one.</param>
    /// <returns>The outputs [T][head_dim].</returns>
    public double[][] Recur(double[,] state)
    {
        double[][] outputs = new double[X.Length][];
        for (int t = 0; t < X.Length; t++)
        {
            outputs[t] = new double[HeadDim];
            for (int p = 0; p < HeadDim; p++)
            {
                outputs[t][p] = D * X[t][p];
                for (int n = 0; n < StateSize; n++)
                {
                    state[p, n] = (Math.Exp(Dt[t] * A) * state[p, n]) + (Dt[t] * X[t][p] * B[t][n]);
                    outputs[t][p] += state[p, n] * C[t][n];
                }
            }
        }

        return outputs;
    }

    /// <summary>The chunked form (section 6, listing 1): within a chunk attention with a mask of decays, between chunks the state.</summary>
    /// <remarks>With l_i the sum of dt A over the chunk up to token i: y_i = sum_{j&lt;=i} (C_i . B_j) exp(l_i - l_j) dt_j x_j + exp(l_i)
    /// S_in C_i, and
    /// S_out = exp(l_last) S_in + sum_j exp(l_last - l_j) dt_j x_j B_j^T. One chunk of all tokens is the quadratic, attention-like form.</remarks>
    /// <param name="state">[head_dim, d_state]: holds the initial state, and then the last one.</param>
    /// <param name="chunk">Tokens a chunk; the last may have fewer.</param>
    /// <returns>The outputs [T][head_dim].</returns>
    public double[][] Chunked(double[,] state, int chunk)
    {
        double[][] outputs = new double[X.Length][];
        for (int begin = 0; begin < X.Length; begin += chunk)
        {
            int end = Math.Min(begin + chunk, X.Length);
            double[] decay = new double[end - begin];
            for (int i = 0; i < decay.Length; i++)
            {
                decay[i] = (Dt[begin + i] * A) + (i == 0 ? 0 : decay[i - 1]);
            }

            for (int i = begin; i < end; i++)
            {
                outputs[i] = Output(state, begin, i, decay);
            }

            PassState(state, begin, end, decay);
        }

        return outputs;
    }

    private double[] Output(double[,] state, int begin, int i, double[] decay)
    {
        double[] output = new double[HeadDim];
        for (int p = 0; p < HeadDim; p++)
        {
            output[p] = D * X[i][p];
            for (int n = 0; n < StateSize; n++)
            {
                output[p] += Math.Exp(decay[i - begin]) * state[p, n] * C[i][n];
            }

            for (int j = begin; j <= i; j++)
            {
                double score = C[i].Zip(B[j], (c, b) => c * b).Sum();
                output[p] += score * Math.Exp(decay[i - begin] - decay[j - begin]) * Dt[j] * X[j][p];
            }
        }

        return output;
    }

    private void PassState(double[,] state, int begin, int end, double[] decay)
    {
        for (int p = 0; p < HeadDim; p++)
        {
            for (int n = 0; n < StateSize; n++)
            {
                state[p, n] *= Math.Exp(decay[^1]);
                for (int j = begin; j < end; j++)
                {
                    state[p, n] += Math.Exp(decay[^1] - decay[j - begin]) * Dt[j] * X[j][p] * B[j][n];
                }
            }
        }
    }
}
