using MambaConnector.Cli.Calibration;

namespace MambaConnector.Cli.Tests.Calibration;

public sealed class TokenFilterThresholdTests
{
    [Theory]
    [InlineData(1.0, 1f)] // all tokens are let in: the sum is reached at the last
    [InlineData(2.0, 3f)] // 2 (4 + 3) >= 10
    [InlineData(4.0, 4f)] // 4 * 4 >= 10
    public void TheSumOfThoseLetInIsThatOfTheTrainingLength(double stretch, float threshold) =>
        Assert.Equal(threshold, TokenFilterThreshold.Find([4, 3, 2, 1], stretch));

    [Fact]
    public void AHeadThatNeverMovesLetsAllIn() => Assert.Equal(0, TokenFilterThreshold.Find([0, 0, 0], 2));
}
