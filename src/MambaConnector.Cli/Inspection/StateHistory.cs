namespace MambaConnector.Cli.Inspection;

/// <summary>The heads of a state at several positions of a text.</summary>
/// <param name="LayerCount">Layers.</param>
/// <param name="HeadCount">Heads of a layer; of Mamba-1 blocks of 64 channels.</param>
internal sealed record StateHistory(int LayerCount, int HeadCount)
{
    /// <summary>Tokens read at each sample, ascending.</summary>
    public List<long> Positions { get; } = [];

    /// <summary>[samples][layers * heads].</summary>
    public List<HeadSample[]> Samples { get; } = [];

    /// <summary>Adds a look at the state. Of those before it only the largest channel of each head is kept: a long text has many.</summary>
    /// <param name="position">Tokens read.</param>
    /// <param name="heads">[layers * heads].</param>
    public void Add(long position, HeadSample[] heads)
    {
        if (Samples.Count > 0)
        {
            HeadSample[] before = Samples[^1];
            for (int index = 0; index < before.Length; index++)
            {
                before[index] = before[index] with { Channels = before[index].Channels[..1] };
            }
        }

        Positions.Add(position);
        Samples.Add(heads);
    }

    /// <summary>One head at the last position.</summary>
    public HeadSample Last(int index) => Samples[^1][index];

    /// <summary>The last norm of a head relative to its largest within the training length; null where the text does not reach beyond it, or
    /// nothing was sampled within it.</summary>
    public double? Growth(int index, long trainingLength)
    {
        double largest = 0;
        for (int sample = 0; sample < Positions.Count && Positions[sample] <= trainingLength; sample++)
        {
            largest = Math.Max(largest, Samples[sample][index].Statistics.Norm);
        }

        return largest > 0 && Positions[^1] > trainingLength ? Last(index).Statistics.Norm / largest : null;
    }
}
