using MambaConnector.Numerics.Gated;

namespace MambaConnector.Numerics.LongContext;

/// <summary>The window by state difference (arXiv 2410.07145, equation 8): what tokens s..t-1 alone leave in the state is S_t -
/// diag(prod_{s..t-1} g) S_s,
/// because the recurrence is linear in S.</summary>
internal static class StateDifference
{
    /// <param name="steps">All tokens.</param>
    /// <param name="begin">s, the first token of the window.</param>
    /// <param name="end">t, the token behind the last.</param>
    /// <param name="keys">N.</param>
    /// <param name="values">P.</param>
    public static double[,] Window(GatedStep[] steps, int begin, int end, int keys, int values)
    {
        double[,] before = GatedLinearRecurrence.Last(steps[..begin], keys, values);
        double[,] window = GatedLinearRecurrence.Last(steps[begin..end], keys, values, before);
        double[] retention = GatedLinearRecurrence.Retention(steps[begin..end], keys);
        for (int n = 0; n < keys; n++)
        {
            for (int p = 0; p < values; p++)
            {
                window[n, p] -= retention[n] * before[n, p];
            }
        }

        return window;
    }
}
