namespace MambaConnector.Cli.Inspection;

/// <summary>What one head of a layer did with a text, [positions] each.</summary>
/// <param name="Head">Its index; of Mamba-1 that of a block of 64 channels.</param>
internal sealed record HeadDynamics(int Head)
{
    /// <summary>Step sizes after the softplus, in the mean.</summary>
    public List<double> Dt { get; } = [];

    /// <summary>What one token leaves of the state, exp(dt A), in the geometric mean.</summary>
    public List<double> Decay { get; } = [];

    /// <summary>||B||, in the mean.</summary>
    public List<double> BNorm { get; } = [];

    /// <summary>||x|| of the head's channels, in the mean.</summary>
    public List<double> XNorm { get; } = [];

    /// <summary>exp(A (dt_1 + ... + dt_t)) at the last of the tokens: what is left of what was there before the text; 0 once a window let go of
    /// it. What the caps of a state norm take away besides is not in it.</summary>
    public List<double> Memory { get; } = [];

    /// <summary>Adds what <paramref name="count"/> tokens have gathered, and begins anew.</summary>
    public void Add(ref HeadSums sums, int count)
    {
        Dt.Add(sums.Dt / count);
        Decay.Add(Math.Exp(sums.LogDecay / count));
        BNorm.Add(sums.BNorm / count);
        XNorm.Add(sums.XNorm / count);
        Memory.Add(Math.Exp(sums.LogMemory));
        sums = new HeadSums { LogMemory = sums.LogMemory };
    }
}
