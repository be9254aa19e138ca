namespace MambaConnector;

/// <summary>Numbers about every head of a session's state at one position. Immutable.</summary>
public sealed class StateStatistics
{
    private readonly HeadStatistics[] _heads;

    /// <param name="position">Tokens that the state has read.</param>
    /// <param name="layerCount">Layers.</param>
    /// <param name="heads">[layers, heads]; taken over.</param>
    internal StateStatistics(long position, int layerCount, HeadStatistics[] heads)
    {
        Position = position;
        LayerCount = layerCount;
        HeadCount = heads.Length / layerCount;
        _heads = heads;
    }

    /// <summary>Tokens that the session had consumed.</summary>
    public long Position { get; }

    /// <summary>Layers of the model.</summary>
    public int LayerCount { get; }

    /// <summary>Heads of a layer; of Mamba-1 its blocks of 64 channels, the last one maybe smaller.</summary>
    public int HeadCount { get; }

    /// <summary>One head.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such layer or head.</exception>
    public HeadStatistics this[int layer, int head]
    {
        get
        {
            CheckLayer(layer);
            ArgumentOutOfRangeException.ThrowIfNegative(head);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(head, HeadCount);
            return _heads[(layer * HeadCount) + head];
        }
    }

    /// <summary>The heads of a layer, [<see cref="HeadCount"/>].</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such layer.</exception>
    public ReadOnlySpan<HeadStatistics> Layer(int layer)
    {
        CheckLayer(layer);
        return _heads.AsSpan(layer * HeadCount, HeadCount);
    }

    /// <summary>All of them, [layers, heads].</summary>
    internal ReadOnlySpan<HeadStatistics> Heads => _heads;

    private void CheckLayer(int layer)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(layer);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(layer, LayerCount);
    }
}
