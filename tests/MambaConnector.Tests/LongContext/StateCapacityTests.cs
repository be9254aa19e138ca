namespace MambaConnector.Tests.LongContext;

public sealed class StateCapacityTests
{
    // The sizes of arXiv 2410.07145: published models, and those that it trains itself.
    [Theory]
    [InlineData(24, 768, 4.85)]
    [InlineData(48, 1024, 12.91)]
    [InlineData(48, 1536, 19.35)]
    [InlineData(6, 512, 0.81)]
    [InlineData(12, 512, 1.62)]
    [InlineData(12, 768, 2.42)]
    public void StatesAreThoseOfThePaper(int layers, int width, double millions)
    {
        StateCapacity capacity = StateCapacity.Of(Mamba2(layers, width));

        Assert.Equal(millions, capacity.StateValues / 1e6, 0.006);
        Assert.Equal((long)layers * 2 * width * 128, capacity.SsmValues);
        Assert.Equal(4 * capacity.StateValues, capacity.StateValueBytes);
    }

    [Fact]
    public void FitsAreThoseOfThePaper()
    {
        StateCapacity capacity = StateCapacity.Of(Mamba2(24, 768));
        double millions = (24 * ((24 * 64 * 128) + (((2 * 768) + 256) * 3))) / 1e6;

        Assert.Equal(((5.172 * millions) - 4.469) * 1000, capacity.ForgetLength!.Value, 1e-6);
        Assert.Equal(((4.756 * (Math.Pow(1.365, millions) - 1)) - 0.742) * 1000, capacity.RecallLength!.Value, 1e-6);

        // What the paper found: 780M is not cured by 64K.
        Assert.True(StateCapacity.Of(Mamba2(48, 1536), 65_536).IsTrainedToForget == false);
    }

    [Fact]
    public void Mamba1HasAStateAChannel()
    {
        StateCapacity capacity = StateCapacity.Of(MambaShape.Parse("mamba-130m"), 2048);

        Assert.Equal(24 * 1536 * 16, capacity.SsmValues);
        Assert.Equal(24 * 1536 * 3, capacity.ConvolutionValues);
        Assert.Contains("for Mamba-1 an order of magnitude", capacity.FitLabel, StringComparison.Ordinal);
    }

    [Fact]
    public void BelowItsRangeAFitGivesNothing()
    {
        StateCapacity capacity = StateCapacity.Of(Mamba2(1, 64), 128);

        Assert.Null(capacity.ForgetLength);
        Assert.Null(capacity.RecallLength);
        Assert.Null(capacity.IsTrainedToForget);
        Assert.Null(capacity.Warning);
    }

    [Theory]
    [InlineData(8192L, false)]
    [InlineData(65_536L, true)]
    [InlineData(null, null)]
    public void AShortTrainingIsWarnedOf(long? trainingLength, bool? isEnough)
    {
        StateCapacity capacity = StateCapacity.Of(Mamba2(24, 768), trainingLength);

        Assert.Equal(trainingLength, capacity.TrainingLength);
        Assert.Equal(isEnough, capacity.IsTrainedToForget);
        Assert.Equal(isEnough == false, capacity.Warning?.StartsWith("Feed your Mamba", StringComparison.Ordinal) == true);
    }

    [Fact]
    public void OtherFamiliesAreRefused() =>
        Assert.Contains(
            "GraniteHybrid",
            Assert.Throws<ArgumentException>(() => StateCapacity.Of(Mamba2(1, 64) with { Architecture = MambaArchitecture.GraniteHybrid })).Message,
            StringComparison.Ordinal);

    [Fact]
    public void ATrainingLengthIsPositive() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => StateCapacity.Of(Mamba2(1, 64), 0));

    private static MambaShape Mamba2(int layers, int width) => new() { LayerCount = layers, DModel = width, DState = 128 };
}
