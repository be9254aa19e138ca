namespace MambaConnector.Cli.Inspection;

/// <summary>By what heads are extreme.</summary>
internal enum HeadOrder
{
    /// <summary>The norm of the state.</summary>
    Norm,

    /// <summary>The variance of the state's values.</summary>
    Variance,

    /// <summary>The largest value relative to the root mean square.</summary>
    Outlier,

    /// <summary>What is left of the first token.</summary>
    Retention,

    /// <summary>The norm relative to its largest within the training length.</summary>
    Growth,
}
