using System.Numerics.Tensors;

namespace MambaConnector.Cli.Inspection;

/// <summary>Looks at a session's state while it reads a text.</summary>
internal static class StateSampler
{
    // Channels named for each head.
    private const int TopChannels = 3;

    // Mamba-1's decay is each channel's own; channels are looked at in blocks of so many.
    private const int BlockChannels = 64;

    /// <summary>Reads tokens and looks at the state after every so many, and at the end.</summary>
    /// <param name="session">A session that tracks its decay; advanced by the tokens.</param>
    /// <param name="tokens">The text.</param>
    /// <param name="every">Tokens between samples.</param>
    /// <param name="progress">Told the fraction done.</param>
    /// <param name="cancellationToken">Looked at between samples.</param>
    public static StateHistory Read(
        MambaSession session, ReadOnlySpan<int> tokens, int every, IProgress<double> progress, CancellationToken cancellationToken)
    {
        StateStatistics shape = session.GetStateStatistics();
        StateHistory history = new(shape.LayerCount, shape.HeadCount);
        for (int start = 0; start < tokens.Length; start += every)
        {
            ReadOnlySpan<int> slice = tokens.Slice(start, Math.Min(every, tokens.Length - start));
            session.Append(slice, cancellationToken);
            history.Add(session.TokenCount, Sample(session));
            progress.Report((double)(start + slice.Length) / tokens.Length);
        }

        return history;
    }

    private static HeadSample[] Sample(MambaSession session)
    {
        MambaModelInfo info = session.Model.Info;
        StateStatistics statistics = session.GetStateStatistics();
        int channels = info.HeadCount > 0 ? info.HeadDim : BlockChannels;
        HeadSample[] samples = new HeadSample[statistics.LayerCount * statistics.HeadCount];
        float[] state = new float[info.DInner * info.DState];
        for (int layer = 0; layer < statistics.LayerCount; layer++)
        {
            session.GetLayerState(layer, state);
            for (int head = 0; head < statistics.HeadCount; head++)
            {
                int first = head * channels * info.DState;
                int length = Math.Min(channels * info.DState, state.Length - first);
                ReadOnlySpan<float> values = state.AsSpan(first, length);
                samples[(layer * statistics.HeadCount) + head] = new HeadSample(
                    statistics[layer, head], (double)TensorPrimitives.Sum(values) / values.Length, Channels(values, info.DState));
            }
        }

        return samples;
    }

    /// <summary>The channels with the largest shares of a head's squared norm.</summary>
    /// <param name="values">[channels, d_state].</param>
    /// <param name="stateWidth">d_state.</param>
    internal static ChannelShare[] Channels(ReadOnlySpan<float> values, int stateWidth)
    {
        ChannelShare[] channels = new ChannelShare[values.Length / stateWidth];
        double sum = 0;
        for (int channel = 0; channel < channels.Length; channel++)
        {
            double square = TensorPrimitives.SumOfSquares(values.Slice(channel * stateWidth, stateWidth));
            channels[channel] = new ChannelShare(channel, square);
            sum += square;
        }

        return
        [
            .. channels.OrderByDescending(channel => channel.Share).Take(TopChannels)
                .Select(channel => channel with { Share = sum > 0 ? channel.Share / sum : 0 }),
        ];
    }
}
