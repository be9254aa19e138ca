namespace MambaConnector.Documents.Indexing;

/// <summary>Which borders of sections are checkpoints, and which of these are kept: checkpoints are at least half a section apart, and where not all
/// fit, every second, fourth, ... stays. It follows from the sections alone, so that a reading that was stopped keeps the same.</summary>
/// <param name="capacity">States that fit, that behind the last border included: 1 or more.</param>
/// <param name="interval">Tokens between two checkpoints, at least.</param>
internal sealed class CheckpointPlan(long capacity, int interval)
{
    private readonly List<int> _borders = [];
    private long _lastTokens;

    /// <summary>Checkpoints so far.</summary>
    public int Count => _borders.Count;

    /// <summary>The section behind which a checkpoint is.</summary>
    public int BorderOf(int checkpoint) => _borders[checkpoint];

    /// <summary>Takes a section.</summary>
    /// <returns>Whether a checkpoint is behind it: the newest.</returns>
    public bool Add(DocumentSection section)
    {
        if (section.TokenEnd - _lastTokens < interval)
        {
            return false;
        }

        _borders.Add(section.Index);
        _lastTokens = section.TokenEnd;
        return true;
    }

    /// <summary>The checkpoints that are kept of the first <paramref name="count"/>, beside the last state.</summary>
    public IEnumerable<int> Kept(int count)
    {
        long stride = 1;
        while ((count / stride) + 1 > capacity)
        {
            stride *= 2;
        }

        for (long checkpoint = stride - 1; checkpoint < count; checkpoint += stride)
        {
            yield return (int)checkpoint;
        }
    }
}
