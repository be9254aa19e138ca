using System.Numerics;

namespace MambaConnector.Cli.Evaluation;

/// <summary>Loss added up by position, in two divisions: powers of two (1, 2 to 3, 4 to 7, ...), and steps of one width. It is what a run
/// that goes on later has to keep.</summary>
internal sealed class LossSums
{
    /// <summary>Sums of -ln p over the positions 2^k to 2^(k+1) - 1.</summary>
    public List<double> Octaves { get; init; } = [];

    /// <summary>Sums over the positions from a multiple of the width to before the next.</summary>
    public List<double> Steps { get; init; } = [];

    /// <summary>Greatest ratio of a head's norm to its maximum within the training length, for each octave; NaN: not looked at.</summary>
    public List<double> NormRatios { get; init; } = [];

    /// <summary>Adds the loss of the token at a position. Positions come in order, from 1: the token at 0 has none before it.</summary>
    public void Add(long position, double loss, long width)
    {
        AddTo(Octaves, BitOperations.Log2((ulong)position), loss, 0);
        AddTo(Steps, (int)(position / width), loss, 0);
    }

    /// <summary>Notes the ratio found at a position.</summary>
    public void AddNormRatio(long position, double ratio)
    {
        int octave = BitOperations.Log2((ulong)position);
        AddTo(NormRatios, octave, 0, double.NaN);
        NormRatios[octave] = double.IsNaN(NormRatios[octave]) ? ratio : Math.Max(NormRatios[octave], ratio);
    }

    /// <summary>The means of the octaves.</summary>
    /// <param name="length">Positions so far.</param>
    public LossBucket[] OctaveMeans(long length) => [.. Octaves.Select((sum, octave) =>
    {
        long start = 1L << octave, end = Math.Min(start * 2, length);
        double ratio = octave < NormRatios.Count ? NormRatios[octave] : double.NaN;
        return new LossBucket(start, end, sum / (end - start), double.IsNaN(ratio) ? null : ratio);
    })];

    /// <summary>The means of the steps; the first has a position less than the others.</summary>
    public LossBucket[] StepMeans(long length, long width) => [.. Steps.Select((sum, step) =>
    {
        long start = Math.Max(1, step * width), end = Math.Min((step + 1) * width, length);
        return new LossBucket(start, end, sum / (end - start), null);
    })];

    private static void AddTo(List<double> sums, int index, double value, double initial)
    {
        while (sums.Count <= index)
        {
            sums.Add(initial);
        }

        sums[index] += value;
    }
}
