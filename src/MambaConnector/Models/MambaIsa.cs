namespace MambaConnector;

/// <summary>The instruction set that the CPU kernels use.</summary>
public enum MambaIsa
{
    /// <summary>The best that the processor and the build have.</summary>
    Auto = 0,

    /// <summary>Plain C++: the reference.</summary>
    Scalar = 1,

    /// <summary>x64 AVX2 with FMA.</summary>
    Avx2 = 2,

    /// <summary>x64 AVX-512.</summary>
    Avx512 = 3,

    /// <summary>x64 AVX-512 with AMX tiles.</summary>
    Amx = 4,

    /// <summary>arm64 NEON, with dotprod and i8mm where the processor has them.</summary>
    Neon = 5,
}
