using MambaConnector.LongContext;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.LongContext;

/// <summary>Each rule by itself, on numbers made for it: a model of one layer and two heads that was trained on 1,000 tokens.</summary>
public sealed class CollapseDetectorTests
{
    private static readonly MambaModelInfo Model = new ScriptedBackend(_ => 0, 8).ModelInfo with { HeadCount = 2, HeadDim = 1, TrainingLength = 1000 };

    // Healthy: a norm of 1, a variance of 1, values up to 2, and a decay of one thousandth a token.
    private static readonly HeadStatistics Usual = new(1, 1, 2, 1, 1, 1000, 0);

    private static readonly StateBaseline Baseline =
        new(Model.Fingerprint, 1000, 1000, "made", [new LayerBaseline([1, 1], [1, 1], [2, 2])]);

    private readonly CollapseDetector _detector = new(Model, new CollapseMonitorOptions { Baseline = Baseline });

    [Fact]
    public void WhatIsLikeTheBaselineIsHealthy()
    {
        CollapseReport report = Look(256, Usual);
        Assert.Equal((256, CollapseLevel.Healthy, CollapseRule.None, ""), (report.Position, report.Level, report.Rule, report.Message));
        Assert.Equal((1, 1, 1, 0), (report.NormRatio, report.VarianceRatio, report.MaxAbsRatio, report.HeadsAbove));
        Assert.Equal((0, null, null), (report.RetainingHeads, report.LongestHorizon, report.LossRatio));
    }

    [Theory]
    [InlineData(2, CollapseLevel.Healthy, CollapseRule.None)]
    [InlineData(2.01, CollapseLevel.Watch, CollapseRule.NormRatio)]
    [InlineData(4, CollapseLevel.Watch, CollapseRule.NormRatio)]
    [InlineData(4.01, CollapseLevel.Collapsing, CollapseRule.NormRatio)]
    public void ANormIsComparedWithItsHeads(double norm, CollapseLevel level, CollapseRule rule)
    {
        CollapseReport report = Look(256, Usual with { Norm = (float)norm });
        Assert.Equal((level, rule), (report.Level, report.Rule));
        Assert.Equal((0, 1, (float)norm), (report.Layer, report.Head, report.NormRatio));
        if (rule != CollapseRule.None)
        {
            Assert.Contains("layer 0 head 1", report.Message, StringComparison.Ordinal);
            Assert.Equal(1, report.HeadsAbove);
        }
    }

    [Fact]
    public void AVarianceTenTimesItsHealthyLargestIsCollapse()
    {
        Assert.Equal(CollapseLevel.Healthy, Look(256, Usual with { Variance = 10 }).Level);
        CollapseReport report = Look(512, Usual with { Variance = 11 });
        Assert.Equal((CollapseLevel.Collapsing, CollapseRule.VarianceRatio, 1), (report.Level, report.Rule, report.Head));
    }

    [Fact]
    public void AJumpOfTheVarianceInFewValuesIsWatched()
    {
        HeadStatistics few = Usual with { MaxAbs = 20, Rms = 1 };
        Look(256, few with { Variance = 1.5f });
        Assert.Equal(CollapseLevel.Healthy, Look(512, few with { Variance = 2.9f }).Level);
        Assert.Equal((CollapseLevel.Watch, CollapseRule.VarianceJump), Verdict(Look(768, few with { Variance = 6 })));
        Assert.Equal(CollapseLevel.Healthy, Look(1000, few with { Variance = 0.4f }).Level);
        Assert.Equal(CollapseLevel.Healthy, Look(1001, few with { Variance = 0.9f }, LongContextPolicy.ForgetMore(0.5f)).Level);

        CollapseDetector broad = new(Model, new CollapseMonitorOptions { Baseline = Baseline });
        broad.Look(Sample(256, Usual with { Variance = 2 }), LongContextPolicy.None);
        Assert.Equal(CollapseLevel.Healthy, broad.Look(Sample(512, Usual with { Variance = 6 }), LongContextPolicy.None).Level);
    }

    [Fact]
    public void AHeadThatKeepsMostOfATokenOverTheTrainingLengthIsWatchedWhereNoPolicyIs()
    {
        for (int position = 256; position <= 1024; position += 256)
        {
            Assert.NotEqual(CollapseRule.OverRetention, Look(position, Usual with { LogRetention = -0.0001 * position }).Rule);
        }

        CollapseReport report = Look(1280, Usual with { LogRetention = -0.0001 * 1280 });
        Assert.Equal((CollapseLevel.Watch, CollapseRule.OverRetention), Verdict(report));
        Assert.Equal((1, 1), (report.RetainingHeads, report.Head));
        Assert.Contains("0.905", report.Message, StringComparison.Ordinal);
        Assert.Equal(CollapseLevel.Healthy, Look(1536, Usual with { LogRetention = -0.0001 * 1536 }, LongContextPolicy.ForgetMore(0.5f)).Level);
    }

    [Fact]
    public void WhereEveryHeadForgetsAtOnceNothingIsRemembered()
    {
        Look(256, Usual);
        CollapseReport report = _detector.Look(
            new StateStatistics(512, 1, [Usual with { LogRetention = -0.256 - 2.57 }, Usual with { LogRetention = -100 }]), LongContextPolicy.None);
        Assert.Equal((CollapseLevel.Watch, CollapseRule.ShortHorizon), Verdict(report));
        Assert.Equal(256 / 2.57, report.LongestHorizon!.Value, 1e-9);
        report = _detector.Look(
            new StateStatistics(768, 1, [Usual with { LogRetention = -0.256 - 2.57 - 2.55 }, Usual with { LogRetention = -200 }]), LongContextPolicy.None);
        Assert.Equal(CollapseLevel.Healthy, report.Level);
        Assert.Equal(256 / 2.55, report.LongestHorizon!.Value, 1e-6);
    }

    [Fact]
    public void PastTheTrainingLengthWithoutAPolicyInforms()
    {
        Assert.Equal(CollapseRule.None, Look(1000, Usual).Rule);
        CollapseReport report = Look(1001, Usual);
        Assert.Equal((CollapseLevel.Healthy, CollapseRule.PastTrainingLength), Verdict(report));
        Assert.Contains("1001", report.Message, StringComparison.Ordinal);
        Assert.Equal(CollapseRule.None, Look(1002, Usual, LongContextPolicy.RestartWindow(512)).Rule);
    }

    [Fact]
    public void ALossBeyondTwiceItsLargestWithinTheTrainingLengthIsCollapse()
    {
        _detector.AddLosses(0, Enumerable.Repeat(3f, 1000).ToArray());
        Assert.Null(Look(1000, Usual).LossRatio);
        _detector.AddLosses(1000, Enumerable.Repeat(5.9f, 5000).ToArray());
        CollapseReport report = Look(6000, Usual with { LogRetention = -5 });
        Assert.Equal(CollapseLevel.Healthy, report.Level);
        Assert.Equal(5.9 / 3, report.LossRatio!.Value, 1e-5);
        _detector.AddLosses(6000, Enumerable.Repeat(6.5f, 5000).ToArray());
        Assert.Equal((CollapseLevel.Collapsing, CollapseRule.LossRatio), Verdict(Look(11000, Usual)));
    }

    [Fact]
    public void TheHighLossesOfATextsBeginningAreNotItsMeasure()
    {
        _detector.AddLosses(0, [10, .. Enumerable.Repeat(3f, 999)]);
        _detector.AddLosses(1000, Enumerable.Repeat(7f, 1000).ToArray());
        Assert.Equal((CollapseLevel.Collapsing, CollapseRule.LossRatio), Verdict(Look(2000, Usual)));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void ALossThatIsNoNumberIsCollapseUntilItHasPassed(float loss)
    {
        _detector.AddLosses(0, [.. Enumerable.Repeat(3f, 999), loss]);
        CollapseReport report = Look(1000, Usual);
        Assert.Equal((CollapseLevel.Collapsing, CollapseRule.LossRatio), Verdict(report));
        Assert.Equal(double.PositiveInfinity, report.LossRatio);
        _detector.AddLosses(1000, Enumerable.Repeat(3f, 256).ToArray());
        report = Look(1256, Usual);
        Assert.Equal(CollapseLevel.Healthy, report.Level);
        Assert.Equal(1, report.LossRatio!.Value, 1e-6);
    }

    [Fact]
    public void DecaysAreNotComparedAcrossAChangeOfThePolicy()
    {
        LongContextPolicy forget = LongContextPolicy.ForgetMore(0.9999f);
        Look(256, Usual with { LogRetention = -0.256 });
        CollapseReport report = Look(512, Usual with { LogRetention = -40 }, forget);
        Assert.Equal((CollapseLevel.Healthy, null), (report.Level, report.LongestHorizon));
        Assert.NotNull(Look(768, Usual with { LogRetention = -41 }, forget).LongestHorizon);
        Assert.Null(Look(1024, Usual with { LogRetention = -1 }).LongestHorizon);
    }

    [Fact]
    public void APolicyThatBoundsNothingSilencesNothing()
    {
        Assert.Equal(CollapseRule.PastTrainingLength, Look(1024, Usual, LongContextPolicy.ForgetMore(1f, 0.5f)).Rule);
        Assert.Equal(CollapseRule.PastTrainingLength, Look(1280, Usual, LongContextPolicy.DeltaScale(0.5f)).Rule);
        Assert.Equal(CollapseRule.None, Look(1536, Usual, LongContextPolicy.DifferenceWindow(64)).Rule);
    }

    [Fact]
    public void AHeadThatWasEmptyHasNotCollapsedByHoldingSomething()
    {
        StateBaseline empty = new(Model.Fingerprint, 1000, 1000, "made", [new LayerBaseline([0, 1], [0, 1], [0, 2])]);
        CollapseDetector detector = new(Model, new CollapseMonitorOptions { Baseline = empty });
        HeadStatistics little = new(1.5e-3f, 1.5e-6f, 1e-3f, 1e-3f, 1, 1000, 0);
        CollapseReport report = detector.Look(new StateStatistics(256, 1, [little, Usual]), LongContextPolicy.None);
        Assert.Equal((CollapseLevel.Healthy, CollapseRule.None), Verdict(report));
        Assert.Equal(1.5, report.NormRatio, 1e-6);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void WhatIsNoNumberIsCollapse(float norm)
    {
        CollapseReport report = Look(256, Usual with { Norm = norm, Variance = norm });
        Assert.Equal((CollapseLevel.Collapsing, CollapseRule.NotANumber, 1), (report.Level, report.Rule, report.Head));
    }

    [Fact]
    public void WithoutABaselineASessionIsComparedWithItsOwnBeginning()
    {
        CollapseDetector own = new(Model, new CollapseMonitorOptions());
        Assert.Equal(1, own.Look(Sample(256, Usual), LongContextPolicy.None).NormRatio);
        Assert.Equal((1, CollapseLevel.Healthy), Ratio(own.Look(Sample(512, Usual with { Norm = 50 }), LongContextPolicy.None)));
        Assert.Equal((1, CollapseLevel.Healthy), Ratio(own.Look(Sample(768, Usual with { Norm = 25 }), LongContextPolicy.None)));
        Assert.Equal((3, CollapseLevel.Watch), Ratio(own.Look(Sample(1024, Usual with { Norm = 150 }), LongContextPolicy.None)));
        Assert.Equal((5, CollapseLevel.Watch), Ratio(own.Look(Sample(1280, Usual with { Norm = 250 }), LongContextPolicy.None)));

        CollapseDetector late = new(Model, new CollapseMonitorOptions());
        Assert.Equal(1, late.Look(Sample(5120, Usual with { Norm = 50 }), LongContextPolicy.None).NormRatio);
        Assert.Equal(3, late.Look(Sample(5376, Usual with { Norm = 150 }), LongContextPolicy.None).NormRatio);

        static (double Ratio, CollapseLevel Level) Ratio(CollapseReport report) => (report.NormRatio, report.Level);
    }

    [Fact]
    public void ATextThatBeginsAnewHasNoDecayBehindIt()
    {
        Look(512, Usual with { LogRetention = -1 });
        Look(768, Usual with { LogRetention = -2 });
        CollapseReport report = Look(256, Usual with { LogRetention = -0.5 });
        Assert.Null(report.LongestHorizon);
        Assert.Equal(CollapseLevel.Healthy, report.Level);
    }

    [Fact]
    public void WithoutATrainingLengthOrWithAnothersBaselineThereIsNone()
    {
        MambaModelInfo unknown = Model with { TrainingLength = 0 };
        Assert.Contains(
            "TrainingLength",
            Assert.Throws<ArgumentException>(() => new CollapseDetector(unknown, new CollapseMonitorOptions())).Message,
            StringComparison.Ordinal);
        _ = new CollapseDetector(unknown, new CollapseMonitorOptions { Baseline = Baseline });
        _ = new CollapseDetector(unknown, new CollapseMonitorOptions { TrainingLength = 5 });
        Assert.Throws<MambaStateMismatchException>(
            () => new CollapseDetector(Model with { Fingerprint = "another" }, new CollapseMonitorOptions { Baseline = Baseline }));
    }

    private static (CollapseLevel Level, CollapseRule Rule) Verdict(CollapseReport report) => (report.Level, report.Rule);

    // The second head is as given, the first as usual.
    private static StateStatistics Sample(long position, HeadStatistics head) =>
        new(position, 1, [Usual with { LogRetention = -0.001 * position }, head]);

    private CollapseReport Look(long position, HeadStatistics head, LongContextPolicy? policy = null) =>
        _detector.Look(Sample(position, head), policy ?? LongContextPolicy.None);
}
