using System.Numerics;

namespace MambaConnector.Numerics.Gated;

/// <summary>One head of RetNet (arXiv 2307.08621): a constant decay gamma, and queries and keys turned by their position.</summary>
/// <param name="Q">[T][N / 2], complex: each number is two real ones.</param>
/// <param name="K">[T][N / 2].</param>
/// <param name="V">[T][P].</param>
/// <param name="Theta">[N / 2]: the angle of one position.</param>
/// <param name="Gamma">From 0 to 1; head h of the paper has 1 - 2^(-5 - h).</param>
internal sealed record RetNet(Complex[][] Q, Complex[][] K, double[][] V, double[] Theta, double Gamma)
{
    /// <summary>The paper's parallel form (equation 3, and 5 for the turning): o_n = sum_{m&lt;=n} gamma^(n-m) Re(sum_i Q_n,i e^(i theta
    /// (n-m)) conj(K_m,i))
    /// v_m.</summary>
    public double[][] Direct() => [.. V.Select((_, n) =>
    {
        double[] output = new double[V[0].Length];
        for (int m = 0; m <= n; m++)
        {
            Complex score = Enumerable.Range(0, Theta.Length)
                .Select(i => Q[n][i] * Complex.FromPolarCoordinates(1, Theta[i] * (n - m)) * Complex.Conjugate(K[m][i])).Aggregate(Complex.Add);
            for (int p = 0; p < output.Length; p++)
            {
                output[p] += Math.Pow(Gamma, n - m) * score.Real * V[m][p];
            }
        }

        return output;
    })];

    /// <summary>The gate is gamma for every key; queries and keys are turned to where they stand.</summary>
    public GatedStep[] Steps() => [.. V.Select((value, t) => new GatedStep(
        [.. Enumerable.Repeat(Gamma, 2 * Theta.Length)], Turned(K[t], t), value, Turned(Q[t], t), 0))];

    private double[] Turned(Complex[] vector, int position) => [.. vector.SelectMany((number, i) =>
    {
        Complex turned = number * Complex.FromPolarCoordinates(1, Theta[i] * position);
        return new[] { turned.Real, turned.Imaginary };
    })];
}
