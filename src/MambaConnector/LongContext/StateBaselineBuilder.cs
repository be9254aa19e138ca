using MambaConnector.LongContext;

namespace MambaConnector;

/// <summary>Gathers the largest numbers of healthy states into a <see cref="StateBaseline"/>. Not thread-safe.</summary>
public sealed class StateBaselineBuilder
{
    private readonly MambaModelInfo _model;
    private readonly long _trainingLength;
    private readonly float[][] _norm;
    private readonly float[][] _variance;
    private readonly float[][] _maxAbs;
    private long _tokens;

    /// <summary>Begins one with no numbers.</summary>
    /// <param name="model">The model.</param>
    /// <param name="trainingLength">T_train, tokens; states further on are refused.</param>
    public StateBaselineBuilder(MambaModelInfo model, long trainingLength)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(trainingLength, 1);
        (_model, _trainingLength) = (model, trainingLength);
        (_norm, _variance, _maxAbs) = (Empty(), Empty(), Empty());

        float[][] Empty() => [.. Enumerable.Range(0, model.LayerCount).Select(_ => new float[StateHeads.Count(model)])];
    }

    /// <summary>Looks at a state on its way through a text; the more often, the surer the largest numbers are seen.</summary>
    /// <exception cref="ArgumentException">It is of another shape, further on than the training length, or holds something that is no number.</exception>
    public void Add(StateStatistics statistics)
    {
        ArgumentNullException.ThrowIfNull(statistics);
        if (statistics.LayerCount != _norm.Length || statistics.HeadCount != _norm[0].Length)
        {
            throw new ArgumentException(
                $"The state has {statistics.LayerCount} layers of {statistics.HeadCount} heads, the model {_norm.Length} of {_norm[0].Length}.",
                nameof(statistics));
        }

        if (statistics.Position > _trainingLength)
        {
            throw new ArgumentException(
                $"The state has read {statistics.Position} tokens and the model was trained on {_trainingLength}: what it looks like there is no baseline.",
                nameof(statistics));
        }

        foreach (HeadStatistics head in statistics.Heads)
        {
            if (!float.IsFinite(head.Norm))
            {
                throw new ArgumentException($"The state at token {statistics.Position} holds something that is no number.", nameof(statistics));
            }
        }

        for (int layer = 0; layer < statistics.LayerCount; layer++)
        {
            ReadOnlySpan<HeadStatistics> heads = statistics.Layer(layer);
            for (int index = 0; index < heads.Length; index++)
            {
                _norm[layer][index] = Math.Max(_norm[layer][index], heads[index].Norm);
                _variance[layer][index] = Math.Max(_variance[layer][index], heads[index].Variance);
                _maxAbs[layer][index] = Math.Max(_maxAbs[layer][index], heads[index].MaxAbs);
            }
        }
    }

    /// <summary>Counts tokens of a text that was read from its beginning to its end.</summary>
    public void AddTokens(long count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        _tokens += count;
    }

    /// <summary>The baseline of all that was added.</summary>
    /// <param name="source">What was read, for people.</param>
    /// <exception cref="InvalidOperationException">No tokens were counted.</exception>
    public StateBaseline Build(string source) => _tokens > 0
        ? new StateBaseline(
            _model.Fingerprint,
            _trainingLength,
            _tokens,
            source,
            [.. Enumerable.Range(0, _norm.Length).Select(layer => new LayerBaseline([.. _norm[layer]], [.. _variance[layer]], [.. _maxAbs[layer]]))])
        : throw new InvalidOperationException("A baseline needs text: no tokens were counted.");
}
