namespace MambaConnector.Cli.Calibration;

/// <summary>The least dt that a head lets in, so that a long prompt moves its state as much as one of the training length does
/// (LongMamba, ICLR 2025).</summary>
internal static class TokenFilterThreshold
{
    /// <summary>The step sizes over T_train in descending order, stretched to S tokens: the threshold is the one at which their sum
    /// reaches the sum over T_train.</summary>
    /// <param name="descending">dt of one head over texts of the training length, in descending order.</param>
    /// <param name="stretch">S / T_train.</param>
    public static float Find(ReadOnlySpan<float> descending, double stretch)
    {
        double all = 0;
        foreach (float dt in descending)
        {
            all += dt;
        }

        double sum = 0;
        foreach (float dt in descending)
        {
            sum += stretch * dt;
            if (sum >= all)
            {
                return dt;
            }
        }

        return 0;
    }
}
