using MambaConnector.Cli.Evaluation;

namespace MambaConnector.Cli.Tests.Evaluation;

public sealed class CollapseVerdictTests
{
    [Fact]
    public void MoreThanTwiceTheMaximumWithinIsCollapsed()
    {
        CollapseVerdict verdict = CollapseVerdict.Judge(Steps(9, 3, 2, 4, 8, 8.1, 7), trainingLength: 40, width: 10)!;

        Assert.Equal(4, verdict.MaximumWithin);
        Assert.Equal(8.1, verdict.MaximumBeyond);
        Assert.Equal(50, verdict.CollapsedAt);
    }

    [Fact]
    public void TwiceTheMaximumIsHealthy() => Assert.Null(CollapseVerdict.Judge(Steps(9, 3, 2, 4, 8), 40, 10)!.CollapsedAt);

    [Fact]
    public void ALossThatIsNoNumberIsCollapsed() => Assert.Equal(20, CollapseVerdict.Judge(Steps(1, 1, double.NaN, 1), 20, 10)!.CollapsedAt);

    [Fact]
    public void AStepAcrossTheBorderCountsForNeitherSide()
    {
        CollapseVerdict verdict = CollapseVerdict.Judge(Steps(1, 1, 100, 1), 25, 10)!;

        Assert.Equal(1, verdict.MaximumWithin);
        Assert.Null(verdict.CollapsedAt);
    }

    [Fact]
    public void ALastStepThatIsNotWholeIsNotJudged()
    {
        LossBucket[] steps = [.. Steps(1, 1, 1), new LossBucket(30, 31, 100, null)];

        Assert.Equal(1, CollapseVerdict.Judge(steps, 20, 10)!.MaximumBeyond);
        Assert.Null(CollapseVerdict.Judge(steps, 20, 10)!.CollapsedAt);
        Assert.Null(CollapseVerdict.Judge([.. Steps(1, 1), new LossBucket(20, 21, 100, null)], 20, 10)!.MaximumBeyond);
    }

    [Fact]
    public void WithoutATrainingLengthOrTwoStepsWithinThereIsNoVerdict()
    {
        Assert.Null(CollapseVerdict.Judge(Steps(1, 1, 1), 0, 10));
        Assert.Null(CollapseVerdict.Judge(Steps(1, 1, 1), 10, 10));
        Assert.Null(CollapseVerdict.Judge(Steps(1, 1), 20, 10)!.MaximumBeyond);
    }

    private static LossBucket[] Steps(params double[] losses) =>
        [.. losses.Select((loss, index) => new LossBucket(Math.Max(1, index * 10), (index + 1) * 10, loss, null))];
}
