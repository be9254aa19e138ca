using MambaConnector.Cli.Inspection;

namespace MambaConnector.Cli.Tests.Inspection;

public sealed class StateSamplerTests
{
    [Fact]
    public void ChannelsAreRankedByTheirShareOfTheSquaredNorm()
    {
        // Channels [0, 0], [3, 4], [0, 5], [0, 0], [0, -7]: squares 0, 25, 25, 0, 49.
        ChannelShare[] channels = StateSampler.Channels([0, 0, 3, 4, 0, 5, 0, 0, 0, -7], 2);

        Assert.Equal([4, 1, 2], channels.Select(channel => channel.Channel));
        Assert.Equal([49.0 / 99, 25.0 / 99, 25.0 / 99], channels.Select(channel => channel.Share));
    }

    [Fact]
    public void AnEmptyHeadHasNoShares() => Assert.All(StateSampler.Channels(new float[8], 4), channel => Assert.Equal(0, channel.Share));

    [Theory]
    [InlineData("mamba2", 8, 16, 32)]
    [InlineData("mamba1", 2, 64, 16)]
    public void WhatIsSampledIsTheState(string name, int heads, int channels, int stateWidth)
    {
        using MambaModel model = MambaModel.Load(TestFiles.Model(name));
        using MambaSession session = model.CreateSession();
        session.TracksDecay = true;
        int[] tokens = [.. RandomTokens.Create(70).Split(',').Select(int.Parse)];
        StateHistory history = StateSampler.Read(session, tokens, 32, new Progress<double>(), CancellationToken.None);

        Assert.Equal([32, 64, 70], history.Positions);
        Assert.Equal((3, heads), (history.LayerCount, history.HeadCount));
        float[] state = new float[heads * channels * stateWidth];
        session.GetLayerState(1, state);
        float[] head = [.. state.Skip(channels * stateWidth).Take(channels * stateWidth)];
        HeadSample sample = history.Last(heads + 1);
        Assert.Equal(head.Average(value => (double)value), sample.Mean, 1e-6);
        Assert.Equal(Math.Sqrt(head.Sum(value => (double)value * value)), sample.Statistics.Norm, 1e-4);
        Assert.Equal(head.Max(Math.Abs), sample.Statistics.MaxAbs);
        Assert.InRange(sample.Statistics.Retention, 0f, 1f);
    }

    [Fact]
    public void GrowthIsRelativeToTheTrainingLength()
    {
        StateHistory history = new(1, 1);
        foreach ((int position, float norm) in new[] { (10, 2f), (20, 4f), (30, 1f), (40, 10f) })
        {
            history.Positions.Add(position);
            history.Samples.Add([new HeadSample(new HeadStatistics(norm, 0, 0, 0, 0, 0, 0), 0, [])]);
        }

        Assert.Equal(2.5, history.Growth(0, 25));
        Assert.Null(history.Growth(0, 40));
        Assert.Null(history.Growth(0, 5));
    }
}
