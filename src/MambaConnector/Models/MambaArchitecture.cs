namespace MambaConnector;

/// <summary>The family of a checkpoint.</summary>
public enum MambaArchitecture
{
    /// <summary>Not known to this version.</summary>
    Unknown = 0,

    /// <summary>Mamba-1 (arXiv 2312.00752).</summary>
    Mamba1 = 1,

    /// <summary>Mamba-2 (arXiv 2405.21060).</summary>
    Mamba2 = 2,

    /// <summary>Falcon-Mamba: Mamba-1 with norms on dt, B and C.</summary>
    FalconMamba = 3,

    /// <summary>Granite 4.0 hybrid.</summary>
    GraniteHybrid = 4,

    /// <summary>Falcon-H1.</summary>
    FalconH1 = 5,

    /// <summary>Nemotron-H.</summary>
    NemotronH = 6,

    /// <summary>Jamba.</summary>
    Jamba = 7,

    /// <summary>Zamba2.</summary>
    Zamba2 = 8,

    /// <summary>Bamba.</summary>
    Bamba = 9,

    /// <summary>Mamba-3.</summary>
    Mamba3 = 10,
}
