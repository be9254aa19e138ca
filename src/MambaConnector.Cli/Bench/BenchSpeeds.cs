namespace MambaConnector.Cli.Bench;

/// <summary>Tokens a second of all sessions together, measured again and again. A median says what to expect on this machine as busy as it
/// was, the best what it can do undisturbed.</summary>
internal sealed class BenchSpeeds
{
    /// <summary>Of each prompt.</summary>
    public List<double> Prefill { get; } = [];

    /// <summary>Of each window of decoding steps.</summary>
    public List<double> Decode { get; } = [];

    /// <summary>The middle one, or the mean of the two in the middle.</summary>
    public static double Median(IReadOnlyCollection<double> values)
    {
        double[] sorted = [.. values.Order()];
        int middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
