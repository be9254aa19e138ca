using MambaConnector.Documents.Questions;

namespace MambaConnector.Documents.Tests.Questions;

public sealed class NextTokenTests
{
    [Fact]
    public void EqualLogitsHaveTheEntropyOfTheirNumber()
    {
        NextToken first = NextToken.Of([3, 3, 3, 3, 3, 3, 3, 3]);

        Assert.Equal(Math.Log(8), first.Entropy, 12);
        Assert.Equal(0, first.MostLikely);
    }

    [Fact]
    public void TwoTokensHaveTheEntropyOfACoin()
    {
        // p = 0.9 and 0.1.
        NextToken first = NextToken.Of([0, (float)Math.Log(9)]);

        Assert.Equal(-(0.9 * Math.Log(0.9)) - (0.1 * Math.Log(0.1)), first.Entropy, 6);
        Assert.Equal(1, first.MostLikely);
    }

    [Fact]
    public void LargeLogitsDoNotOverflowAndImpossibleTokensDoNotCount()
    {
        NextToken first = NextToken.Of([3e38f, float.NegativeInfinity, -3e38f]);

        Assert.Equal(0, first.Entropy);
        Assert.Equal(0, first.MostLikely);
    }

    [Theory]
    [InlineData(1, float.NaN, 1f, 0f)]
    [InlineData(0, 9f, float.NaN, 0f)]
    [InlineData(2, 0f, 1f, float.PositiveInfinity)]
    [InlineData(0, float.NegativeInfinity, float.NegativeInfinity, float.NegativeInfinity)]
    public void LogitsThatAreNoDistributionAreTheLeastCertain(int mostLikely, params float[] logits)
    {
        NextToken first = NextToken.Of(logits);

        Assert.Equal(double.PositiveInfinity, first.Entropy);
        Assert.Equal(mostLikely, first.MostLikely);
    }
}
