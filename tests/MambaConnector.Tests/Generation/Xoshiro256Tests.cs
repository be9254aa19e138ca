using MambaConnector.Generation;

namespace MambaConnector.Tests.Generation;

/// <summary>The generator's numbers, against an implementation in Python of the published algorithms.</summary>
public class Xoshiro256Tests
{
    [Theory]
    [InlineData(42UL, 1546998764402558742UL, 6990951692964543102UL)]
    [InlineData(0UL, 11091344671253066420UL, 13793997310169335082UL)]
    public void GivesThePublishedNumbers(ulong seed, ulong first, ulong second)
    {
        Xoshiro256 random = new(seed);
        Assert.Equal(first, random.Next());
        Assert.Equal(second, random.Next());
    }

    [Fact]
    public void DoublesAreUniformInTheUnitInterval()
    {
        Xoshiro256 random = new(7);
        double[] values = new double[100_000];
        for (int index = 0; index < values.Length; index++)
        {
            values[index] = random.NextDouble();
        }

        Assert.True(values.All(value => value is >= 0 and < 1));
        Assert.InRange(values.Average(), 0.495, 0.505);
        Assert.InRange(values.Count(value => value < 0.1), 9_500, 10_500);
    }
}
