using MambaConnector.Cli.Calibration;

namespace MambaConnector.Cli.Tests.Calibration;

public sealed class ScaleSearchTests
{
    [Fact]
    public void TheSearchComesNearTheBestScales()
    {
        float[] best = [0.4f, 0.8f, 1.1f, 0.6f];
        ScaleSearchState state = Run(Distance(best), 200, layers: 4);

        Assert.Equal(200, state.Iteration);
        Assert.Equal(Distance(best)([1, 1, 1, 1]), state.InitialLoss);
        Assert.True(state.BestLoss < 0.25 * state.InitialLoss, $"{state.BestLoss} of {state.InitialLoss}");
        Assert.Equal(state.BestLoss, Distance(best)(state.BestScales));
    }

    [Fact]
    public void ASavedSearchGoesOnAsIfItHadNotStopped()
    {
        Func<float[], double> loss = Distance([0.7f, 0.9f, 1.2f]);
        ScaleSearchState whole = Run(loss, 12);

        ScaleSearch again = new(loss, 3, seed: 5);
        ScaleSearchState resumed = Run(loss, 5);
        for (int iteration = 5; iteration < 12; iteration++)
        {
            resumed = again.Next(resumed, () => { });
        }

        Assert.Equal(whole.Scales, resumed.Scales);
        Assert.Equal(whole.BestScales, resumed.BestScales);
    }

    [Fact]
    public void NoScaleGetsTooSmallAndNothingWorseThanTheModelIsFound()
    {
        ScaleSearchState falling = Run(scales => scales.Sum(), 100);
        Assert.All(falling.Scales.Concat(falling.BestScales), scale => Assert.True(scale >= ScaleSearch.LeastScale));

        ScaleSearchState rising = Run(scales => scales.Sum(scale => Math.Abs(scale - 1)), 20);
        Assert.Equal([1, 1, 1], rising.BestScales);
        Assert.Equal(0, rising.BestLoss);
    }

    [Fact]
    public void AStateThatBlewUpIsTheWorst()
    {
        ScaleSearchState state = Run(scales => scales[0] > 0.95f ? double.NaN : scales[0], 3);

        Assert.Equal(double.MaxValue, state.InitialLoss);
        Assert.True(state.BestLoss < 0.6);
        Assert.All(state.Scales, scale => Assert.True(float.IsFinite(scale)));
    }

    [Fact]
    public void TheSearchMovesAwayFromTheSideThatBlewUp()
    {
        ScaleSearch search = new(scales => scales[0] > 1 ? double.NaN : 1, 1, seed: 5);
        ScaleSearchState state = search.Begin("", () => { });

        Assert.True(search.Next(state, () => { }).Scales[0] < state.Scales[0]);
    }

    [Fact]
    public void EvaluationsAreCounted()
    {
        int count = 0;
        ScaleSearch search = new(scales => scales[0], 1, seed: 1);
        ScaleSearchState state = search.Begin("", () => count++);
        for (int iteration = 0; iteration < 4; iteration++)
        {
            state = search.Next(state, () => count++);
        }

        Assert.Equal(ScaleSearch.Evaluations(4), count);
    }

    private static Func<float[], double> Distance(float[] best) => scales => scales.Zip(best, (scale, target) => Math.Pow(scale - target, 2)).Sum();

    private static ScaleSearchState Run(Func<float[], double> loss, int iterations, int layers = 3)
    {
        ScaleSearch search = new(loss, layers, seed: 5);
        ScaleSearchState state = search.Begin("", () => { });
        for (int iteration = 0; iteration < iterations; iteration++)
        {
            state = search.Next(state, () => { });
        }

        return state;
    }
}
