namespace MambaConnector.Numerics.LongContext;

/// <summary>States of texts whose order does not matter, averaged over orders (PICASO, arXiv 2502.17605): every average of concatenations
/// is a weighted sum
/// sum_k diag(W_k) H_k, so no order has to be tried.</summary>
internal static class Picaso
{
    /// <summary>PICASO-R, over the n turns of one circle: W_k = 1/n [I + sum_{m=1}^{n-1} P_{k+m} .. P_{k+1}], indices modulo n.</summary>
    public static double[,] OverTurns(ChunkMap[] chunks) => Weighted(chunks, (k, n) =>
    {
        double product = 1;
        double sum = 1;
        for (int m = 1; m < chunks.Length; m++)
        {
            product *= chunks[(k + m) % chunks.Length].Retention[n];
            sum += product;
        }

        return sum / chunks.Length;
    });

    /// <summary>PICASO-S, over all n! orders: W_k = 1/n sum_{m=0}^{n-1} e_m(P of the others) / C(n-1, m). Of the orders in which m texts
    /// follow text k, each
    /// choice of m is as frequent; e_m, the elementary symmetric polynomial, sums the product over all choices.</summary>
    public static double[,] OverOrders(ChunkMap[] chunks) => Weighted(chunks, (k, n) =>
    {
        double[] symmetric = ElementarySymmetric([.. chunks.Where((_, other) => other != k).Select(chunk => chunk.Retention[n])]);
        double sum = 0;
        double choices = 1;
        for (int m = 0; m < chunks.Length; m++)
        {
            sum += symmetric[m] / choices;
            choices = choices * (chunks.Length - 1 - m) / (m + 1);
        }

        return sum / chunks.Length;
    });

    // e_0..e_n: the coefficients of prod (1 + x z).
    private static double[] ElementarySymmetric(double[] values)
    {
        double[] symmetric = new double[values.Length + 1];
        symmetric[0] = 1;
        for (int i = 0; i < values.Length; i++)
        {
            for (int m = i + 1; m > 0; m--)
            {
                symmetric[m] += values[i] * symmetric[m - 1];
            }
        }

        return symmetric;
    }

    private static double[,] Weighted(ChunkMap[] chunks, Func<int, int, double> weight)
    {
        double[,] merged = new double[chunks[0].State.GetLength(0), chunks[0].State.GetLength(1)];
        for (int k = 0; k < chunks.Length; k++)
        {
            for (int n = 0; n < merged.GetLength(0); n++)
            {
                double w = weight(k, n);
                for (int p = 0; p < merged.GetLength(1); p++)
                {
                    merged[n, p] += w * chunks[k].State[n, p];
                }
            }
        }

        return merged;
    }
}
