using MambaConnector.Numerics.Gated;

namespace MambaConnector.Numerics.LongContext;

/// <summary>All that a text does to a state: F_u(S) = diag(P_u) S + H_u, with P_u the product of its gates and H_u the state it makes from
/// 0. One state and
/// one number a row stand for any number of tokens.</summary>
/// <param name="Retention">P_u, [N].</param>
/// <param name="State">H_u, [N, P].</param>
internal sealed record ChunkMap(double[] Retention, double[,] State)
{
    public static ChunkMap Of(GatedStep[] steps)
    {
        int keys = steps[0].Key.Length;
        return new(GatedLinearRecurrence.Retention(steps, keys), GatedLinearRecurrence.Last(steps, keys, steps[0].Value.Length));
    }

    public double[,] Apply(double[,] state)
    {
        double[,] result = (double[,])State.Clone();
        for (int n = 0; n < Retention.Length; n++)
        {
            for (int p = 0; p < result.GetLength(1); p++)
            {
                result[n, p] += Retention[n] * state[n, p];
            }
        }

        return result;
    }

    /// <summary>This text, then <paramref name="next"/>.</summary>
    public ChunkMap Then(ChunkMap next) => new([.. Retention.Zip(next.Retention, (first, second) => first * second)], next.Apply(State));

    /// <summary>One text after another (CASO, arXiv 2502.17605): exact for one layer.</summary>
    public static double[,] Concatenate(IEnumerable<ChunkMap> chunks) => chunks.Aggregate((all, next) => all.Then(next)).State;
}
