namespace MambaConnector.Tests.EndToEnd;

/// <summary>A model of two layers with random weights, the same in each run.</summary>
internal static class SmallShape
{
    public static MambaShape Of(MambaArchitecture architecture) => new()
    {
        Architecture = architecture,
        LayerCount = 2,
        DModel = 32,
        DState = 16,
        HeadDim = 16,
        VocabSize = 100,
        WeightType = MambaWeightType.F32,
        Seed = 3,
    };
}
