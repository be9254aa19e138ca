using BenchmarkDotNet.Attributes;
using MambaConnector.Generation;

namespace MambaConnector.Benchmarks;

/// <summary>A mask laid over the logits of 50,280 tokens.</summary>
[MemoryDiagnoser]
public class TokenMaskBenchmarks
{
    private readonly float[] _logits = new float[50_288];
    private readonly float[] _masked = new float[50_280];
    private readonly uint[] _mask = new uint[1572];

    /// <summary>The words of the mask: nothing allowed in most places, everything, or every other token.</summary>
    [Params(0u, uint.MaxValue, 0x55555555u)]
    public uint Word { get; set; }

    [GlobalSetup]
    public void Setup() => Array.Fill(_mask, Word);

    [Benchmark]
    public void Apply() => TokenMask.Copy(_logits, _mask, _masked);
}
