using FsCheck;
using FsCheck.Fluent;
using MambaConnector.Tests.Support;

namespace MambaConnector.Numerics.Scan;

/// <summary>The parallel scan is the recurrence.</summary>
public sealed class ParallelScanTests
{
    // Of all 64 bits.
    private static readonly Gen<long> Number =
        from high in Gen.Choose(0, int.MaxValue) from low in Gen.Choose(0, int.MaxValue) select unchecked((high * 6_364_136_223_846_793_005) + low);

    private static readonly Gen<AffineMap<long>> Map = from factor in Number from offset in Number select new AffineMap<long>(factor, offset);

    /// <summary>Whole numbers modulo 2^64 compose without rounding, so the two must agree to the bit: any length, any maps, any initial
    /// state.</summary>
    [Fact]
    public void IsTheRecurrenceExactly()
    {
        Gen<(AffineMap<long>[] Steps, long Initial)> cases =
            from count in Gen.Choose(0, 300) from steps in Map.ArrayOf(count) from initial in Number select (steps, initial);
        Prop.ForAll(cases.ToArbitrary(), scan => Assert.Equal(
            ParallelScan.Sequential(scan.Steps, scan.Initial), ParallelScan.Blelloch(scan.Steps, scan.Initial))).Check(PropertyConfig.Of(300));
    }

    [Fact]
    public void CompositionIsAssociative()
    {
        Prop.ForAll(Map.ArrayOf(3).ToArbitrary(), maps => Assert.Equal(
            maps[0].Then(maps[1]).Then(maps[2]), maps[0].Then(maps[1].Then(maps[2])))).Check(PropertyConfig.Of(300));
    }

    /// <summary>Decays between 0 and 1 in float64: no step divides, so rounding stays at rounding's size, at decays that underflow too.</summary>
    [Theory]
    [InlineData(1, 0, 1)]
    [InlineData(2, 0, 1)]
    [InlineData(1000, 0.99, 1)]
    [InlineData(4097, 0.5, 0.999)]
    [InlineData(1000, 0, 1e-200)]
    public void IsTheRecurrenceUpToRounding(int count, double low, double high)
    {
        Random random = new(count);
        double[] factors = Samples.Vector(random, count, low, high);
        AffineMap<double>[] steps = [.. factors.Select(factor => new AffineMap<double>(factor, (2 * random.NextDouble()) - 1))];
        Close.Equal(ParallelScan.Sequential(steps, 3.5), ParallelScan.Blelloch(steps, 3.5), 1e-13);
    }

    [Fact]
    public void AnEmptySequenceHasNoStates() => Assert.Empty(ParallelScan.Blelloch<double>([], 1));
}
