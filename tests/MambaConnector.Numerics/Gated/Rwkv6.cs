namespace MambaConnector.Numerics.Gated;

/// <summary>One head of RWKV-6 (Finch, arXiv 2404.05892, section 4.2): a decay from the input for each channel of the key, and a bonus u
/// for the token
/// that is read just now. With a decay that does not change it is RWKV-5 (Eagle).</summary>
/// <param name="R">Receptance, [T][N].</param>
/// <param name="K">[T][N].</param>
/// <param name="V">[T][P].</param>
/// <param name="W">[T][N], above 0 and below 1.</param>
/// <param name="U">[N].</param>
internal sealed record Rwkv6(double[][] R, double[][] K, double[][] V, double[][] W, double[] U)
{
    /// <summary>The paper's formula, written out: o_t = r_t (diag(u) k_t v_t^T + sum_{i&lt;t} diag(prod_{i&lt;j&lt;t} w_j) k_i v_i^T).</summary>
    public double[][] Direct() => [.. V.Select((_, t) =>
    {
        double[] output = new double[V[0].Length];
        for (int n = 0; n < U.Length; n++)
        {
            double kept = 1;
            for (int i = t; i >= 0; i--)
            {
                double weight = R[t][n] * K[i][n] * (i == t ? U[n] : kept);
                kept *= i == t ? 1 : W[i][n];
                for (int p = 0; p < output.Length; p++)
                {
                    output[p] += weight * V[i][p];
                }
            }
        }

        return output;
    })];

    /// <summary>RWKV reads S_{t-1} where the others read S_t = diag(w_t) S_{t-1} + k_t v_t^T. So its query is r / w, and what that reads of its own
    /// token, beside the bonus, goes into the skip: r S_{t-1} + (r . (u k)) v = (r / w) S_t + (r . ((u - 1 / w) k)) v.</summary>
    public GatedStep[] Steps() => [.. V.Select((value, t) =>
    {
        double[] query = [.. R[t].Zip(W[t], (r, w) => r / w)];
        double bonus = Enumerable.Range(0, U.Length).Sum(n => R[t][n] * (U[n] - (1 / W[t][n])) * K[t][n]);
        return new GatedStep(W[t], K[t], value, query, bonus);
    })];
}
