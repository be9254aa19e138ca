namespace MambaConnector.Numerics.Gated;

/// <summary>S_t = diag(g_t) S_{t-1} + k_t v_t^T, y_t = q_t S_t + d_t v_t: the recurrence that RetNet, GLA, RWKV-5 and 6 and both Mambas
/// share (the table
/// in section 2 of GLA, arXiv 2312.06635, and section 5 of Mamba-2, arXiv 2405.21060). What is shown of it here holds for each of them.</summary>
/// <remarks>States are [N, P]: keys down, values across. Inputs may depend on anything, so long as it is not on S.</remarks>
internal static class GatedLinearRecurrence
{
    /// <summary>The outputs [T][P].</summary>
    /// <param name="steps">The tokens.</param>
    /// <param name="state">Holds the initial state, and then the last one.</param>
    public static double[][] Run(IReadOnlyList<GatedStep> steps, double[,] state) => [.. steps.Select(step =>
    {
        Advance(state, step);
        return Read(state, step);
    })];

    /// <summary>The state after the steps, from <paramref name="initial"/> or, without one, from 0.</summary>
    public static double[,] Last(IEnumerable<GatedStep> steps, int keys, int values, double[,]? initial = null)
    {
        double[,] state = (double[,]?)initial?.Clone() ?? new double[keys, values];
        foreach (GatedStep step in steps)
        {
            Advance(state, step);
        }

        return state;
    }

    /// <summary>S becomes diag(g) S + k v^T.</summary>
    public static void Advance(double[,] state, GatedStep step)
    {
        for (int n = 0; n < state.GetLength(0); n++)
        {
            for (int p = 0; p < state.GetLength(1); p++)
            {
                state[n, p] = (step.Gate[n] * state[n, p]) + (step.Key[n] * step.Value[p]);
            }
        }
    }

    /// <summary>q S + d v.</summary>
    public static double[] Read(double[,] state, GatedStep step)
    {
        double[] output = new double[step.Value.Length];
        for (int p = 0; p < output.Length; p++)
        {
            output[p] = step.Skip * step.Value[p];
            for (int n = 0; n < step.Query.Length; n++)
            {
                output[p] += step.Query[n] * state[n, p];
            }
        }

        return output;
    }

    /// <summary>prod g over the steps: what is left of each row of a state that was before them, [N].</summary>
    public static double[] Retention(IEnumerable<GatedStep> steps, int keys)
    {
        double[] retention = new double[keys];
        Array.Fill(retention, 1);
        foreach (GatedStep step in steps)
        {
            for (int n = 0; n < keys; n++)
            {
                retention[n] *= step.Gate[n];
            }
        }

        return retention;
    }
}
