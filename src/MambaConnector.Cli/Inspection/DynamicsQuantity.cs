namespace MambaConnector.Cli.Inspection;

/// <summary>What of a layer's dynamics is drawn.</summary>
internal enum DynamicsQuantity
{
    /// <summary>What is left of the first token.</summary>
    Memory,

    /// <summary>Step sizes.</summary>
    Dt,

    /// <summary>What one token leaves of the state.</summary>
    Decay,

    /// <summary>||B||.</summary>
    B,

    /// <summary>||x||.</summary>
    X,
}
