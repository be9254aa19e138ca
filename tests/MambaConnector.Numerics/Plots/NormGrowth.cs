using MambaConnector.Numerics.Gated;
using MambaConnector.Numerics.LongContext;
using MambaConnector.Numerics.Selective;
using MambaConnector.Numerics.StateSpace;

namespace MambaConnector.Numerics.Plots;

/// <summary>The norm of a head's state along a random text, with a decay as it should be and with one that hardly forgets.</summary>
/// <remarks>A head of Mamba-2 of 16 x 16, x and B with a mean that is not 0, as behind SiLU; dt log-uniform from 0.001 to 0.1.</remarks>
internal static class NormGrowth
{
    public const int TrainingLength = 2048;

    private const int Length = 8 * TrainingLength;
    private const int Size = 16;
    private const int Every = 128;

    /// <summary>The tokens with A = -<paramref name="decay"/>.</summary>
    public static GatedStep[] Steps(double decay)
    {
        Random random = new(16);
        double[] dt = [.. Samples.Vector(random, Length, Math.Log(0.001), Math.Log(0.1)).Select(Math.Exp)];
        double[][] Rows() => Samples.Rows(random, Length, Size, -0.7, 1.3);
        return MambaSteps.Of(new StateSpaceDuality(Rows(), dt, Rows(), Rows(), -decay, 0));
    }

    /// <summary>(tokens read, norm).</summary>
    public static (double X, double Y)[] Of(GatedStep[] steps) => Along(steps, (state, step) =>
    {
        GatedLinearRecurrence.Advance(state, step);
        return state;
    });

    public static (double X, double Y)[] OfWindow(GatedStep[] steps)
    {
        RestartWindow window = new(TrainingLength / 2, Size, Size);
        return Along(steps, (_, step) =>
        {
            window.Advance(step);
            return window.State;
        });
    }

    public static (double X, double Y)[] OfCapped(GatedStep[] steps, double cap) => Along(steps, (state, step) =>
    {
        GatedLinearRecurrence.Advance(state, step);
        return Matrices.Scale(state, Math.Min(1, cap / Matrices.Norm(state)));
    });

    private static (double X, double Y)[] Along(GatedStep[] steps, Func<double[,], GatedStep, double[,]> advance)
    {
        List<(double, double)> points = [];
        double[,] state = new double[Size, Size];
        for (int t = 0; t < steps.Length; t++)
        {
            state = advance(state, steps[t]);
            if ((t + 1) % Every == 0)
            {
                points.Add((t + 1, Matrices.Norm(state)));
            }
        }

        return [.. points];
    }
}
