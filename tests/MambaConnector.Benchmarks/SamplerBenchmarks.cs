using BenchmarkDotNet.Attributes;
using MambaConnector.Generation;

namespace MambaConnector.Benchmarks;

/// <summary>One token chosen from a vocabulary of 50,280, by setting.</summary>
[MemoryDiagnoser]
public class SamplerBenchmarks
{
    private const int VocabSize = 50_280;

    private readonly float[] _logits = new float[VocabSize + 8];
    private readonly Sampler _greedy = Create(new GenerationOptions { Temperature = 0 });
    private readonly Sampler _penalties = Create(new GenerationOptions { Temperature = 0, RepetitionPenalty = 1.1f, FrequencyPenalty = 0.1f });
    private readonly Sampler _temperature = Create(new GenerationOptions { Temperature = 0.8f });
    private readonly Sampler _topK = Create(new GenerationOptions { Temperature = 0.8f, TopK = 40 });
    private readonly Sampler _topP = Create(new GenerationOptions { Temperature = 0.8f, TopP = 0.95f });
    private readonly Sampler _topKAndTopP = Create(new GenerationOptions { Temperature = 0.8f, TopK = 40, TopP = 0.95f });
    private readonly Sampler _minP = Create(new GenerationOptions { Temperature = 0.8f, MinP = 0.05f });

    /// <summary>Standard deviation of the logits: a trained model's are near 3; the smaller, the flatter, the more tokens top-p keeps.</summary>
    [Params(1, 3)]
    public int Deviation { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        // The sum of 12 uniform numbers is close to normal, of deviation 1.
        Xoshiro256 random = new(1);
        for (int id = 0; id < _logits.Length; id++)
        {
            double sum = -6;
            for (int term = 0; term < 12; term++)
            {
                sum += random.NextDouble();
            }

            _logits[id] = (float)(sum * Deviation);
            _penalties.Observe(id % 1000);
        }
    }

    [Benchmark]
    public int Greedy() => _greedy.Sample(_logits);

    [Benchmark]
    public int GreedyWithPenalties() => _penalties.Sample(_logits);

    [Benchmark]
    public int Temperature() => _temperature.Sample(_logits);

    [Benchmark]
    public int TopK() => _topK.Sample(_logits);

    [Benchmark]
    public int TopP() => _topP.Sample(_logits);

    [Benchmark]
    public int TopKAndTopP() => _topKAndTopP.Sample(_logits);

    [Benchmark]
    public int MinP() => _minP.Sample(_logits);

    private static Sampler Create(GenerationOptions options) =>
        new(SamplingParameters.Resolve(options with { Seed = 1 }, new GenerationDefaults()), VocabSize);
}
