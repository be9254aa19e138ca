using MambaConnector.Generation;

namespace MambaConnector.Tests.Generation;

/// <summary>The border of top-p against a sort of all weights.</summary>
public class NucleusBorderTests
{
    /// <summary>Lengths with and without a rest behind whole vectors; deviations of logits from nearly uniform to peaked.</summary>
    public static TheoryData<int, double> Distributions
    {
        get
        {
            TheoryData<int, double> data = [];
            foreach (int length in (int[])[1, 7, 256, 1003, 20_000])
            {
                foreach (double deviation in (double[])[0, 1e-6, 0.01, 1, 3, 20])
                {
                    data.Add(length, deviation);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Distributions))]
    public void IsWhereASortPutsIt(int length, double deviation)
    {
        Xoshiro256 random = new((ulong)length);
        float[] weights = new float[length];
        for (int id = 0; id < length; id++)
        {
            weights[id] = (float)Math.Exp(deviation * 2 * (random.NextDouble() + random.NextDouble() + random.NextDouble() - 3));
        }

        // As the sampler has them: the largest is 1.
        float largest = weights.Max();
        weights = [.. weights.Select(weight => weight / largest)];
        float[] sorted = [.. weights.OrderDescending()];
        float total = weights.Sum();
        foreach (float topP in (float[])[1e-9f, 0.1f, 0.5f, 0.9f, 0.95f, 0.999f, 0.9999f])
        {
            double sum = 0;
            float expected = sorted.First(weight => (sum += weight) >= (double)total * topP);
            Assert.Equal(expected, NucleusBorder.Find(weights, total, topP, new float[length]));
        }
    }

    [Fact]
    public void ManyEqualWeightsNeedNoSort()
    {
        float[] weights = [1, .. Enumerable.Repeat(0.25f, 4000), .. Enumerable.Repeat(0.125f, 4000)];
        float[] members = new float[weights.Length];
        Assert.Equal(0.25f, NucleusBorder.Find(weights, weights.Sum(), 0.6f, members));
        Assert.Equal(0.125f, NucleusBorder.Find(weights, weights.Sum(), 0.7f, members));
        Assert.All(members, member => Assert.Equal(0, member));
    }

    [Theory]
    [InlineData(0.999999f)]
    [InlineData(0.9999999f)]
    public void NextToOneALongTailIsKeptUnsorted(float topP)
    {
        // All of the tail weighs less than the sums of floats are certain of.
        float[] weights = [1, .. Enumerable.Range(0, 50_000).Select(index => 1e-10f * (50_000 - index) / 50_000)];
        float total = weights.Sum();
        float[] members = new float[weights.Length];
        float border = NucleusBorder.Find(weights, total, topP, members);
        Assert.True(weights.Where(weight => weight >= border).Sum(weight => (double)weight) >= (double)total * topP);
        Assert.InRange(border, 0, members[10_000]);
        Assert.True(members[0] > members[10_000], "A sort, smallest first, would have turned them.");
    }
}
