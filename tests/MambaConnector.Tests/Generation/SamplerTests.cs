using MambaConnector.Generation;

namespace MambaConnector.Tests.Generation;

/// <summary>What is chosen, how often, and at what cost.</summary>
public class SamplerTests
{
    private const int Draws = 40_000;

    [Fact]
    public void GreedyTakesTheLargestAndTheLowestIdAmongEquals() =>
        Assert.Equal(1, Create(new GenerationOptions { Temperature = 0 }, 4).Sample([0, 5, 5, 1]));

    [Fact]
    public void PaddingIsNeverChosen()
    {
        float[] logits = [0, 1, 2, 100, 100];
        Assert.Equal(2, Create(new GenerationOptions { Temperature = 0 }, 3).Sample(logits));
        Assert.Equal(0, Frequencies(new GenerationOptions { Temperature = 2 }, logits, 3)[3..].Sum());
    }

    [Fact]
    public void TheSameSeedGivesTheSameTokens()
    {
        float[] logits = RandomLogits(1000, 1);
        int[] Run(long seed)
        {
            Sampler sampler = Create(new GenerationOptions { Seed = seed }, 1000);
            return [.. Enumerable.Range(0, 50).Select(_ => sampler.Sample(logits))];
        }

        Assert.Equal(Run(5), Run(5));
        Assert.NotEqual(Run(5), Run(6));
    }

    public static TheoryData<GenerationOptions, float[]> Distributions => new()
    {
        // Probabilities 0.15, 0.5, 0.05, 0.3.
        { new GenerationOptions(), [0.15f, 0.5f, 0.05f, 0.3f] },
        { new GenerationOptions { Temperature = 0.5f }, Normalise([0.15f * 0.15f, 0.25f, 0.05f * 0.05f, 0.09f]) },
        { new GenerationOptions { Temperature = 2 }, Normalise([0.38730f, 0.70711f, 0.22361f, 0.54772f]) },
        { new GenerationOptions { TopK = 2 }, [0, 0.625f, 0, 0.375f] },
        { new GenerationOptions { TopK = 1 }, [0, 1, 0, 0] },
        { new GenerationOptions { TopP = 0.6f }, [0, 0.625f, 0, 0.375f] },
        { new GenerationOptions { TopP = 0.4f }, [0, 1, 0, 0] },
        { new GenerationOptions { TopP = 0.9f }, Normalise([0.15f, 0.5f, 0, 0.3f]) },
        { new GenerationOptions { MinP = 0.5f }, [0, 0.625f, 0, 0.375f] },
        { new GenerationOptions { MinP = 0.2f }, Normalise([0.15f, 0.5f, 0, 0.3f]) },
        { new GenerationOptions { TopK = 3, TopP = 0.8f }, [0, 0.625f, 0, 0.375f] },
        { new GenerationOptions { TopK = 3, MinP = 0.5f }, [0, 0.625f, 0, 0.375f] },
        { new GenerationOptions { TopP = 0.99f, MinP = 0.5f }, [0, 0.625f, 0, 0.375f] },
    };

    [Theory]
    [MemberData(nameof(Distributions))]
    public void TokensComeAsOftenAsTheirProbabilitySays(GenerationOptions options, float[] expected)
    {
        float[] logits = [MathF.Log(0.15f), MathF.Log(0.5f), MathF.Log(0.05f), MathF.Log(0.3f)];
        int[] counts = Frequencies(options, logits, 4);
        for (int id = 0; id < 4; id++)
        {
            // Five standard deviations of a binomial count; none where the probability is 0.
            double tolerance = 5 * Math.Sqrt(Draws * expected[id] * (1 - expected[id]));
            Assert.InRange(counts[id], (Draws * expected[id]) - tolerance, (Draws * expected[id]) + tolerance);
        }
    }

    [Theory]
    [InlineData(0.1f)]
    [InlineData(0.5f)]
    [InlineData(0.9f)]
    [InlineData(0.999f)]
    public void TopPKeepsTheTokensThatASortWouldKeep(float topP)
    {
        float[] logits = RandomLogits(5000, 3);
        double[] probabilities = [.. logits.Select(logit => Math.Exp(logit))];
        double total = probabilities.Sum();
        double sum = 0;
        HashSet<int> nucleus = [];
        foreach (int id in Enumerable.Range(0, logits.Length).OrderByDescending(id => probabilities[id]))
        {
            nucleus.Add(id);
            sum += probabilities[id];

            // A token at the very border may fall either way by rounding.
            if (sum >= topP * total * (1 + 1e-6))
            {
                break;
            }
        }

        Sampler sampler = Create(new GenerationOptions { TopP = topP, Seed = 1 }, logits.Length);
        for (int draw = 0; draw < 3000; draw++)
        {
            Assert.Contains(sampler.Sample(logits), nucleus);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(40)]
    [InlineData(999)]
    public void TopKKeepsTheTokensThatASortWouldKeep(int topK)
    {
        float[] logits = RandomLogits(1003, 4);
        HashSet<int> largest = [.. Enumerable.Range(0, logits.Length).OrderByDescending(id => logits[id]).Take(topK)];
        Sampler sampler = Create(new GenerationOptions { TopK = topK, Temperature = 3, Seed = 1 }, logits.Length);
        HashSet<int> seen = [.. Enumerable.Range(0, 3000).Select(_ => sampler.Sample(logits))];
        Assert.Subset(largest, seen);
        Assert.True(seen.Count >= Math.Min(topK, 100));
    }

    [Fact]
    public void RepetitionPenaltyDividesPositiveAndMultipliesNegativeLogits()
    {
        Sampler sampler = Create(new GenerationOptions { Temperature = 0, RepetitionPenalty = 2 }, 3);
        sampler.Observe(0);
        Assert.Equal(1, sampler.Sample([3, 2, 0]));
        Assert.Equal(1, sampler.Sample([-1, -1.5f, -5]));
        Assert.Equal(0, sampler.Sample([5, 2, 0]));
    }

    [Fact]
    public void FrequencyPenaltyCountsAndPresencePenaltyDoesNot()
    {
        Sampler frequency = Create(new GenerationOptions { Temperature = 0, FrequencyPenalty = 1 }, 2);
        Sampler presence = Create(new GenerationOptions { Temperature = 0, PresencePenalty = 1 }, 2);
        foreach (Sampler sampler in new[] { frequency, presence })
        {
            sampler.Observe(0);
            sampler.Observe(0);
            sampler.Observe(0);
        }

        Assert.Equal(1, frequency.Sample([2.5f, 0]));
        Assert.Equal(0, presence.Sample([2.5f, 0]));
        Assert.Equal(1, presence.Sample([0.5f, 0]));
    }

    [Fact]
    public void PenaltiesForgetWhatLeavesTheWindow()
    {
        Sampler sampler = Create(new GenerationOptions { Temperature = 0, PresencePenalty = 10, PenaltyWindow = 2 }, 3);
        sampler.Observe(0);
        sampler.Observe(1);
        Assert.Equal(2, sampler.Sample([2, 1, 0]));
        sampler.Observe(2);
        Assert.Equal(0, sampler.Sample([2, 1, 0]));
    }

    [Fact]
    public void AWindowMayBeAsLargeAsAnInt()
    {
        Sampler sampler = Create(new GenerationOptions { Temperature = 0, PresencePenalty = 10, PenaltyWindow = int.MaxValue }, 3);
        sampler.Observe(0);
        Assert.Equal(1, sampler.Sample([2, 1, 0]));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void LogitsThatAreNoNumbersAreAnError(float bad) =>
        Assert.Throws<MambaException>(() => Create(new GenerationOptions(), 3).Sample([0, bad, 1]));

    [Fact]
    public void AMaskedTokenIsNeverChosen() =>
        Assert.Equal(0, Frequencies(new GenerationOptions { TopP = 0.99f }, [0, float.NegativeInfinity, 0, 0], 4)[1]);

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(0.8, 40, 0.95)]
    [InlineData(0.8, 0, 0.95)]
    [InlineData(1, 0, 1)]
    [InlineData(1, 0, 1, 0.05)]
    [InlineData(1, 1000, 0.5, 0.01)]
    public void ATokenAllocatesNothing(double temperature, int topK, double topP, double minP = 0)
    {
        float[] logits = RandomLogits(50_288, 5);
        Sampler sampler = Create(
            new GenerationOptions
            {
                Temperature = (float)temperature,
                TopK = topK,
                TopP = (float)topP,
                MinP = (float)minP,
                RepetitionPenalty = 1.1f,
                PenaltyWindow = 8,
            },
            50_280);
        for (int warmUp = 0; warmUp < 20; warmUp++)
        {
            sampler.Observe(sampler.Sample(logits));
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int token = 0; token < 50; token++)
        {
            sampler.Observe(sampler.Sample(logits));
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    public static TheoryData<GenerationOptions, string> BadOptions => new()
    {
        { new GenerationOptions { Temperature = -1 }, "Temperature" },
        { new GenerationOptions { Temperature = float.NaN }, "Temperature" },
        { new GenerationOptions { TopK = -1 }, "TopK" },
        { new GenerationOptions { TopP = 0 }, "TopP" },
        { new GenerationOptions { TopP = 1.1f }, "TopP" },
        { new GenerationOptions { MinP = -0.1f }, "MinP" },
        { new GenerationOptions { RepetitionPenalty = 0 }, "RepetitionPenalty" },
        { new GenerationOptions { FrequencyPenalty = float.PositiveInfinity }, "FrequencyPenalty" },
        { new GenerationOptions { MaxTokens = 0 }, "MaxTokens" },
        { new GenerationOptions { PenaltyWindow = -1 }, "PenaltyWindow" },
    };

    [Theory]
    [MemberData(nameof(BadOptions))]
    public void AnOptionOutOfItsRangeIsNamed(GenerationOptions options, string name) =>
        Assert.Equal(name, Assert.Throws<ArgumentOutOfRangeException>(() => SamplingParameters.Resolve(options, new GenerationDefaults())).ParamName);

    [Fact]
    public void TheModelsDefaultsFillWhatIsUnset()
    {
        GenerationDefaults defaults = new() { Temperature = 0.7f, TopK = 40, TopP = 0.9f };
        SamplingParameters parameters = SamplingParameters.Resolve(new GenerationOptions { TopK = 5 }, defaults);
        Assert.Equal((0.7f, 5, 0.9f), (parameters.Temperature, parameters.TopK, parameters.TopP));
    }

    private static Sampler Create(GenerationOptions options, int vocabSize) =>
        new(SamplingParameters.Resolve(options, new GenerationDefaults()), vocabSize);

    private static int[] Frequencies(GenerationOptions options, float[] logits, int vocabSize)
    {
        Sampler sampler = Create(options with { Seed = 11 }, vocabSize);
        int[] counts = new int[logits.Length];
        for (int draw = 0; draw < Draws; draw++)
        {
            counts[sampler.Sample(logits)]++;
        }

        return counts;
    }

    private static float[] Normalise(float[] weights) => [.. weights.Select(weight => weight / weights.Sum())];

    // Sums of uniform numbers: roughly normal, as logits are.
    private static float[] RandomLogits(int count, ulong seed)
    {
        Xoshiro256 random = new(seed);
        float[] logits = new float[count];
        for (int index = 0; index < count; index++)
        {
            logits[index] = (float)((random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5) * 6);
        }

        return logits;
    }
}
