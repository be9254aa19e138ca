using MambaConnector.Numerics.Gated;
using MambaConnector.Numerics.LongContext;

namespace MambaConnector.Numerics.Plots;

/// <summary>What each token still weighs in the state of a head of Mamba-2 that has read many: found by running it, with values that say which
/// tokens they are of.</summary>
/// <remarks>1 is what the newest token weighs without a policy. The head forgets with a time constant of 1,000 tokens.</remarks>
internal static class TokenWeights
{
    public const int Tokens = 3400;
    public const int Window = 512;

    private const int Bucket = 40;
    private const double Rate = 0.001;

    /// <summary>A token whose dt is <paramref name="dt"/> times the usual one.</summary>
    public static GatedStep Step(int token, double dt = 1, double decay = 1)
    {
        double[] value = new double[Tokens / Bucket];
        value[token / Bucket] = 1.0 / Bucket;
        return new([Math.Exp(-Rate * dt * decay)], [dt], value, [1], 0);
    }

    public static GatedStep[] Plain { get; } = [.. Enumerable.Range(0, Tokens).Select(token => Step(token))];

    /// <summary>Tokens that differ in dt, of mean 1: few have much of it.</summary>
    /// <param name="threshold">Below it a token is left out: it brings nothing and takes nothing.</param>
    public static GatedStep[] Filtered(double threshold)
    {
        Random random = new(15);
        return [.. Enumerable.Range(0, Tokens).Select(token =>
        {
            double dt = -Math.Log(1 - random.NextDouble());
            return Step(token, dt < threshold ? 0 : dt);
        })];
    }

    /// <summary>(token, weight), the mean over 40 tokens each.</summary>
    public static (double X, double Y)[] Of(GatedStep[] steps) => Of(GatedLinearRecurrence.Last(steps, 1, Tokens / Bucket));

    public static (double X, double Y)[] OfWindow(GatedStep[] steps)
    {
        RestartWindow window = new(Window, 1, Tokens / Bucket);
        Array.ForEach(steps, window.Advance);
        return Of(window.State);
    }

    /// <summary>Under a cap of the norm, as if all tokens wrote the same.</summary>
    public static (double X, double Y)[] OfCapped(GatedStep[] steps, double cap)
    {
        double[,] state = new double[1, Tokens / Bucket];
        foreach (GatedStep step in steps)
        {
            GatedLinearRecurrence.Advance(state, step);
            double factor = Math.Min(1, cap / (Bucket * state.Cast<double>().Sum()));
            for (int p = 0; p < Tokens / Bucket; p++)
            {
                state[0, p] *= factor;
            }
        }

        return Of(state);
    }

    private static (double X, double Y)[] Of(double[,] state) =>
        [.. state.Cast<double>().Select((weight, bucket) => ((bucket + 0.5) * Bucket, weight))];
}
