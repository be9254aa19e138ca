using FsCheck;
using FsCheck.Fluent;
using MambaConnector.Generation;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Generation;

/// <summary>Masked logits.</summary>
public class TokenMaskTests
{
    [Fact]
    public void ACopyHasTheLogitsOfTheMaskAndNoOthers()
    {
        Gen<uint> word = Gen.Frequency(
            (1, Gen.Constant(0u)), (1, Gen.Constant(uint.MaxValue)), (2, Gen.Choose(int.MinValue, int.MaxValue).Select(bits => (uint)bits)));
        Arbitrary<(int Length, uint[] Mask)> cases = Gen.Choose(1, 300)
            .SelectMany(length => Gen.Choose(0, 11).SelectMany(words => word.ArrayOf(words)).Select(mask => (length, mask)))
            .ToArbitrary();
        Prop.ForAll(cases, pair =>
        {
            float[] logits = [.. Enumerable.Range(0, pair.Length + 5).Select(id => id - 7.5f)];
            float[] copy = new float[pair.Length];
            TokenMask.Copy(logits, pair.Mask, copy);
            for (int id = 0; id < copy.Length; id++)
            {
                bool isIn = id / 32 < pair.Mask.Length && ((pair.Mask[id / 32] >> (id % 32)) & 1) == 1;
                Assert.Equal(isIn, TokenMask.Contains(pair.Mask, id));
                Assert.Equal(isIn ? logits[id] : float.NegativeInfinity, copy[id]);
            }
        }).Check(PropertyConfig.Of(500));
    }
}
