using MambaConnector.Cli.Evaluation;
using MambaConnector.Cli.Scoring;

namespace MambaConnector.Cli.Tests.Evaluation;

public sealed class LossSumsTests
{
    [Fact]
    public void BucketsHoldTheMeansOfTheirPositions()
    {
        const int Length = 100, Width = 16;
        Random random = new(1);
        double[] losses = [.. Enumerable.Range(0, Length).Select(_ => random.NextDouble())];
        LossSums sums = new();
        for (int position = 1; position < Length; position++)
        {
            sums.Add(position, losses[position], Width);
        }

        LossBucket[] octaves = sums.OctaveMeans(Length), steps = sums.StepMeans(Length, Width);

        Assert.Equal([(1, 2), (2, 4), (4, 8), (8, 16), (16, 32), (32, 64), (64, 100)], octaves.Select(Range));
        Assert.Equal([(1, 16), (16, 32), (32, 48), (48, 64), (64, 80), (80, 96), (96, 100)], steps.Select(Range));
        Assert.All([.. octaves, .. steps], bucket => Assert.Equal(losses[(int)bucket.Start..(int)bucket.End].Average(), bucket.Loss, 12));

        static (int Start, int End) Range(LossBucket bucket) => ((int)bucket.Start, (int)bucket.End);
    }

    [Fact]
    public void NormRatiosKeepTheGreatestOfAnOctaveAndAreMissingElsewhere()
    {
        LossSums sums = new();
        for (int position = 1; position < 64; position++)
        {
            sums.Add(position, 1, 8);
        }

        sums.AddNormRatio(20, 1.5);
        sums.AddNormRatio(31, 1.25);

        Assert.Equal([null, null, null, null, 1.5, null], sums.OctaveMeans(64).Select(bucket => bucket.NormRatio));
    }

    [Fact]
    public void TheLossIsThatOfTheSoftmaxInDoublePrecision()
    {
        Random random = new(2);
        float[] logits = [.. Enumerable.Range(0, 5000).Select(_ => (float)((random.NextDouble() * 40) - 20))];
        double[] losses = new double[2];

        CrossEntropy.OfRows([.. logits, .. logits.Reverse()], 5000, [7, 9], losses);

        Assert.Equal(-new LogSoftmax(logits)[7], losses[0], 1e-5);
        Assert.Equal(-new LogSoftmax(logits)[4990], losses[1], 1e-5);
    }

    [Fact]
    public void ATextGoesOnFromItsBeginning()
    {
        TokenText text = new([1, 2, 3]);
        int[] tokens = new int[7];

        text.CopyTo(2, tokens);

        Assert.Equal([3, 1, 2, 3, 1, 2, 3], tokens);
        Assert.Equal(2, text[4]);
    }
}
