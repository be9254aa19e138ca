namespace MambaConnector.Generation;

/// <summary>What a sampler works in while it chooses one token: 16 bytes a token of the vocabulary, too much for each of many generations to have
/// its own. The samplers of a thread share it.</summary>
internal sealed class SamplerScratch(int capacity)
{
    [ThreadStatic]
    private static SamplerScratch? _ofThread;

    public float[] Scaled { get; } = new float[capacity];

    public float[] Weights { get; } = new float[capacity];

    public int[] Candidates { get; } = new int[capacity];

    public float[] Keys { get; } = new float[capacity];

    /// <summary>This thread's, with arrays of at least <paramref name="vocabSize"/>.</summary>
    public static SamplerScratch OfThread(int vocabSize) =>
        _ofThread?.Scaled.Length >= vocabSize ? _ofThread : _ofThread = new SamplerScratch(vocabSize);
}
