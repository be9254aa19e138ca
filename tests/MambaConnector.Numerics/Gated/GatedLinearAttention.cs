namespace MambaConnector.Numerics.Gated;

/// <summary>One head of GLA (arXiv 2312.06635): a gate from the input for each dimension of the key.</summary>
/// <param name="Q">[T][N].</param>
/// <param name="K">[T][N].</param>
/// <param name="V">[T][P].</param>
/// <param name="Alpha">[T][N], between 0 and 1.</param>
internal sealed record GatedLinearAttention(double[][] Q, double[][] K, double[][] V, double[][] Alpha)
{
    /// <summary>The paper's parallel form (section 4.2): with b_t = prod_{j&lt;=t} alpha_j, O = ((Q o b)(K / b)^T o M) V, in logarithms (equation 4):
    /// P_ij = sum_n Q_in K_jn exp(log b_in - log b_jn), j &lt;= i.</summary>
    public double[][] Direct()
    {
        double[][] logs = new double[V.Length][];
        for (int t = 0; t < logs.Length; t++)
        {
            logs[t] = [.. Alpha[t].Select((alpha, n) => Math.Log(alpha) + (t == 0 ? 0 : logs[t - 1][n]))];
        }

        return [.. V.Select((_, i) =>
        {
            double[] output = new double[V[0].Length];
            for (int j = 0; j <= i; j++)
            {
                double score = Enumerable.Range(0, Q[0].Length).Sum(n => Q[i][n] * K[j][n] * Math.Exp(logs[i][n] - logs[j][n]));
                for (int p = 0; p < output.Length; p++)
                {
                    output[p] += score * V[j][p];
                }
            }

            return output;
        })];
    }

    public GatedStep[] Steps() => [.. V.Select((value, t) => new GatedStep(Alpha[t], K[t], value, Q[t], 0))];
}
