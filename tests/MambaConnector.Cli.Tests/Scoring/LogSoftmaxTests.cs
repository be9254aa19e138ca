using MambaConnector.Cli.Scoring;

namespace MambaConnector.Cli.Tests.Scoring;

public sealed class LogSoftmaxTests
{
    [Fact]
    public void GivesTheLogarithmOfEachShare()
    {
        LogSoftmax softmax = new([MathF.Log(1), MathF.Log(2), MathF.Log(5)]);

        Assert.Equal(Math.Log(1 / 8.0), softmax[0], 6);
        Assert.Equal(Math.Log(2 / 8.0), softmax[1], 6);
        Assert.Equal(Math.Log(5 / 8.0), softmax[2], 6);
    }

    [Fact]
    public void DoesNotOverflowAtLargeLogits()
    {
        LogSoftmax softmax = new([1000, 1000, -1000]);

        Assert.Equal(-Math.Log(2), softmax[0], 6);
        Assert.Equal(-2000 - Math.Log(2), softmax[2], 3);
    }

    [Fact]
    public void CountsPaddingColumnsInTheSumAndLeavesThemOutOfTheTop()
    {
        LogSoftmax softmax = new([0, 1, 5]);

        TokenLogProbability[] top = softmax.Top(3, vocabularySize: 2);

        Assert.Equal([1, 0], top.Select(entry => entry.Id));
        Assert.Equal(1 - Math.Log(1 + Math.E + Math.Exp(5)), top[0].LogProbability, 6);
    }

    [Fact]
    public void TakesLowerIdsFirstAmongEquals()
    {
        LogSoftmax softmax = new([1, 3, 3, 2, 3]);

        Assert.Equal([1, 2], softmax.Top(2, 5).Select(entry => entry.Id));
        Assert.Equal([1, 2, 4, 3], softmax.Top(4, 5).Select(entry => entry.Id));
    }
}
