namespace MambaConnector.Tests.Models;

/// <summary>The public enums say what the C ABI's say.</summary>
public class NativeEnumTests
{
    [Fact]
    public void Architectures() => AssertSame<MambaConnector.MambaArchitecture, Native.Generated.MambaArchitecture>("MAMBA_ARCH_");

    [Fact]
    public void WeightTypes() => AssertSame<MambaConnector.MambaWeightType, Native.Generated.MambaWeightType>("MAMBA_WEIGHT_");

    [Fact]
    public void InstructionSets() => AssertSame<MambaConnector.MambaIsa, Native.Generated.MambaIsa>("MAMBA_ISA_");

    [Fact]
    public void DeviceKinds() => AssertSame<MambaConnector.MambaDeviceKind, Native.Generated.MambaDeviceKind>("MAMBA_DEVICE_");

    private static void AssertSame<TPublic, TNative>(string prefix)
        where TPublic : struct, Enum
        where TNative : struct, Enum =>
        Assert.Equal(Describe<TNative>(prefix), Describe<TPublic>(""));

    private static IEnumerable<string> Describe<T>(string prefix)
        where T : struct, Enum =>
        Enum.GetValues<T>()
            .Select(value => $"{Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture)} {value.ToString()[prefix.Length..].Replace("_", "", StringComparison.Ordinal)}".ToUpperInvariant())
            .Order(StringComparer.Ordinal);
}
