namespace MambaConnector.Cli.Inspection;

/// <summary>Sums over the tokens that are taken together, and of the log-decay over all.</summary>
internal struct HeadSums
{
    public double Dt;
    public double LogDecay;
    public double BNorm;
    public double XNorm;
    public double LogMemory;

    /// <summary>Adds a token.</summary>
    /// <param name="step">What it did.</param>
    /// <param name="isHeld">Whether the state that it is read with still holds the first token, however weak.</param>
    public void Add(HeadStep step, bool isHeld)
    {
        Dt += step.Dt;
        LogDecay += step.LogDecay;
        BNorm += step.BNorm;
        XNorm += step.XNorm;
        LogMemory = isHeld ? LogMemory + step.LogDecay : double.NegativeInfinity;
    }
}
