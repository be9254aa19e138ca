namespace MambaConnector.Tests.LongContext;

public class LongContextPolicyTests
{
    private static readonly float[][] Caps = [[1, 2], [3, 4]];

    public static TheoryData<LongContextPolicy> Different => new(CreateDifferent());

    [Theory]
    [MemberData(nameof(Different))]
    public void PoliciesAreEqualByTheirValues(LongContextPolicy policy)
    {
        LongContextPolicy equal = Assert.Single(CreateDifferent(), other => other == policy);
        Assert.Equal(policy.GetHashCode(), equal.GetHashCode());
    }

    [Fact]
    public void ValuesCannotBeChangedFromOutside()
    {
        float[][] caps = [[1, 2]];
        float[] scales = [1, 2];
        LongContextPolicy norm = LongContextPolicy.StateNorm(caps);
        LongContextPolicy delta = LongContextPolicy.DeltaScale(scales);
        caps[0][0] = scales[0] = 9;

        Assert.Equal(LongContextPolicy.StateNorm([[1, 2]]), norm);
        Assert.Equal(LongContextPolicy.DeltaScale(1, 2), delta);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-64)]
    [InlineData(100)]
    public void WindowsArePositiveMultiplesOf64(int tokens)
    {
        Assert.Contains(
            "positive multiple of 64", Assert.Throws<ArgumentOutOfRangeException>(() => LongContextPolicy.RestartWindow(tokens)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => LongContextPolicy.DifferenceWindow(tokens));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1.5f)]
    [InlineData(float.NaN)]
    public void FactorsOfForgettingAreAbove0AndAtMost1(float factor)
    {
        Assert.Equal("retention", Assert.Throws<ArgumentOutOfRangeException>(() => LongContextPolicy.ForgetMore(factor)).ParamName);
        Assert.Equal("insertion", Assert.Throws<ArgumentOutOfRangeException>(() => LongContextPolicy.ForgetMore(1, factor)).ParamName);
    }

    [Theory]
    [InlineData(1e-7f)]
    [InlineData(1.1e6f)]
    public void WhatIsFarBeyondUseIsRefused(float scale)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => LongContextPolicy.ForgetMore(1, scale));
        Assert.Throws<ArgumentException>(() => LongContextPolicy.DeltaScale(scale));
        Assert.Throws<ArgumentException>(() => LongContextPolicy.DecayScale(1, scale));
        Assert.Equal(1e-6f, Assert.IsType<ForgetMorePolicy>(LongContextPolicy.ForgetMore(1e-7f, 1e-6f)).Insertion);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NaN)]
    public void ScalesArePositiveNumbers(float scale)
    {
        Assert.Contains("layer 1", Assert.Throws<ArgumentException>(() => LongContextPolicy.DeltaScale(1, scale)).Message, StringComparison.Ordinal);
        Assert.Contains("layer 0", Assert.Throws<ArgumentException>(() => LongContextPolicy.DecayScale(scale)).Message, StringComparison.Ordinal);
        Assert.Equal("scale", Assert.Throws<ArgumentOutOfRangeException>(() => LongContextPolicy.StateNorm(Caps, scale)).ParamName);
    }

    [Fact]
    public void ValuesOfHeadsAreARectangleInRange()
    {
        Assert.Throws<ArgumentException>(() => LongContextPolicy.DeltaScale());
        Assert.Throws<ArgumentException>(() => LongContextPolicy.StateNorm([]));
        Assert.Throws<ArgumentException>(() => LongContextPolicy.StateNorm([[]]));
        Assert.Throws<ArgumentException>(() => LongContextPolicy.StateNorm([[1], [1, 2]]));
        Assert.Contains(
            "Value 1 of layer 0 is -1", Assert.Throws<ArgumentException>(() => LongContextPolicy.StateNorm([[1, -1]])).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new TokenFilterPolicy([[float.NaN]], 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TokenFilterPolicy([[0]], 0));
    }

    [Fact]
    public void ABaselinesNormsAreCaps()
    {
        StateBaseline baseline = new("model", 64, 64, "text", [new LayerBaseline([1, 2], [0, 0], [1, 1]), new LayerBaseline([3, 4], [0, 0], [1, 1])]);
        Assert.Equal(LongContextPolicy.StateNorm(Caps, 0.5f), LongContextPolicy.StateNorm(baseline, 0.5f));
    }

    [Theory]
    [InlineData(8192, "window:4096")]
    [InlineData(1000, "window:448")]
    [InlineData(128, "window:64")]
    public void AutoIsTheWindowOfHalfTheTrainingLength(long trainingLength, string expected)
    {
        LongContextPolicy policy = LongContextPolicy.Auto.Resolve(Model with { TrainingLength = trainingLength });
        Assert.Equal(LongContextPolicy.Parse(expected), policy);
        Assert.IsType<RestartWindowPolicy>(policy);
    }

    [Theory]
    [InlineData(0, "MambaModelOptions.TrainingLength")]
    [InlineData(0, "--training-length")]
    [InlineData(0, "mamba_connector.training_length")]
    [InlineData(127, "127")]
    [InlineData(1L << 40, "1099511627776")]
    public void AutoGuessesNothing(long trainingLength, string message) => Assert.Contains(
        message,
        Assert.Throws<ArgumentException>(() => LongContextPolicy.Auto.Resolve(Model with { TrainingLength = trainingLength })).Message,
        StringComparison.Ordinal);

    [Fact]
    public void ScalesAreOneOrOneALayer()
    {
        Assert.Equal(LongContextPolicy.DeltaScale(2), LongContextPolicy.DeltaScale(2).Resolve(Model));
        Assert.Equal(LongContextPolicy.DeltaScale(2, 3), LongContextPolicy.DeltaScale(2, 3).Resolve(Model));
        Assert.Equal(LongContextPolicy.DecayScale(2), LongContextPolicy.DecayScale(2, 2).Resolve(Model));
        Assert.Contains(
            "2 layers, and there are 3", Assert.Throws<ArgumentException>(() => LongContextPolicy.DecayScale(1, 1, 1).Resolve(Model)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void ValuesOfHeadsAreThoseOfTheModel()
    {
        MambaModelInfo mamba1 = Model with { Architecture = MambaArchitecture.Mamba1, HeadCount = 0, DInner = 100 };
        Assert.Equal(LongContextPolicy.StateNorm(Caps), LongContextPolicy.StateNorm(Caps).Resolve(Model));

        // 100 channels are two blocks of Mamba-1.
        Assert.Equal(LongContextPolicy.StateNorm(Caps), LongContextPolicy.StateNorm(Caps).Resolve(mamba1));
        Assert.Contains(
            "2 layers of 2 heads, and the caps of state norms are for 1 layers of 2",
            Assert.Throws<ArgumentException>(() => LongContextPolicy.StateNorm([[1, 2]]).Resolve(Model)).Message,
            StringComparison.Ordinal);
        Assert.Equal(new TokenFilterPolicy(Caps, 7), new TokenFilterPolicy(Caps, 7).Resolve(Model));
        Assert.Contains(
            "100 channels", Assert.Throws<ArgumentException>(() => new TokenFilterPolicy(Caps, 7).Resolve(mamba1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ATableOfAFilterIsForPromptsWhoseLengthIsKnown()
    {
        LongContextPolicy table = LongContextPolicy.TokenFilter(Table());
        Assert.Contains("ForPrompt", Assert.Throws<ArgumentException>(() => table.Resolve(Model)).Message, StringComparison.Ordinal);
        Assert.Equal(LongContextPolicy.None, table.ForPrompt(50));
        Assert.Equal(new TokenFilterPolicy([[1, 1], [1, 1]], 51), table.ForPrompt(51));
        Assert.Equal(new TokenFilterPolicy([[1, 1], [1, 1]], 100), LongContextPolicy.TokenFilter(Table(), 100));
        Assert.Equal(new TokenFilterPolicy([[2, 2], [2, 2]], 101), table.ForPrompt(101));
        Assert.Equal(new TokenFilterPolicy([[2, 2], [2, 2]], 1000), table.ForPrompt(1000));
        Assert.Equal(LongContextPolicy.RestartWindow(64), LongContextPolicy.RestartWindow(64).ForPrompt(1000));
    }

    internal static MambaModelInfo Model { get; } =
        new Support.ScriptedBackend(_ => 0, 8).ModelInfo with { LayerCount = 2, HeadCount = 2, TrainingLength = 256 };

    internal static TokenFilterTable Table() =>
        new(50, [new TokenFilterRow(200, [[2, 2], [2, 2]]), new TokenFilterRow(100, [[1, 1], [1, 1]])]);

    private static LongContextPolicy[] CreateDifferent() =>
    [
        LongContextPolicy.None,
        LongContextPolicy.Auto,
        LongContextPolicy.RestartWindow(64),
        LongContextPolicy.RestartWindow(128),
        LongContextPolicy.DifferenceWindow(64),
        LongContextPolicy.ForgetMore(0.5f),
        LongContextPolicy.ForgetMore(0.5f, 0.5f),
        LongContextPolicy.StateNorm(Caps),
        LongContextPolicy.StateNorm(Caps, 2),
        LongContextPolicy.StateNorm([[1, 2], [3, 5]]),
        LongContextPolicy.StateNorm([[1, 2, 3, 4]]),
        LongContextPolicy.DeltaScale(0.5f),
        LongContextPolicy.DeltaScale(0.5f, 0.25f),
        LongContextPolicy.DecayScale(0.5f),
        new TokenFilterPolicy(Caps, 100),
        new TokenFilterPolicy(Caps, 101),
        LongContextPolicy.TokenFilter(Table()),
        LongContextPolicy.TokenFilter(new TokenFilterTable(64, [new TokenFilterRow(100, Caps)])),
    ];
}
