namespace MambaConnector;

/// <summary>How the matrices of a model are stored. Vectors and norms stay F32.</summary>
#pragma warning disable CA1707 // the formats are known by these names
public enum MambaWeightType
{
    /// <summary>As the checkpoint has them.</summary>
    AsStored = 0,

    /// <summary>32-bit floats.</summary>
    F32 = 1,

    /// <summary>16-bit IEEE floats.</summary>
    F16 = 2,

    /// <summary>16-bit brain floats.</summary>
    BF16 = 3,

    /// <summary>8-bit blocks of 32 with one scale: 8.5 bits a weight.</summary>
    Q8_0 = 4,

    /// <summary>6-bit super-blocks of 256: 6.5625 bits a weight.</summary>
    Q6_K = 5,

    /// <summary>4-bit super-blocks of 256: 4.5 bits a weight.</summary>
    Q4_K = 6,
}
