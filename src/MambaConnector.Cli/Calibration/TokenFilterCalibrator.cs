namespace MambaConnector.Cli.Calibration;

/// <summary>Makes LongMamba's table of thresholds.</summary>
internal static class TokenFilterCalibrator
{
    // Tokens traced at once.
    private const int SliceLength = 1024;

    /// <summary>Reads the texts once for each layer; heads that keep something of the first token over the training length are global and get
    /// thresholds, the others get 0, which lets all tokens in.</summary>
    /// <param name="model">The model.</param>
    /// <param name="texts">All of the training length.</param>
    /// <param name="lengths">Prompt lengths, each beyond the training length.</param>
    /// <param name="theta">A head is global if exp(A (dt_1 + ... + dt_T)) is above this, in the geometric mean over the texts.</param>
    /// <param name="progress">Told the fraction done.</param>
    /// <param name="cancellationToken">Looked at between slices.</param>
    /// <returns>The table, and the number of global heads.</returns>
    public static (TokenFilterTable Table, int GlobalHeads) Run(
        MambaModel model, IReadOnlyList<ReadOnlyMemory<int>> texts, IReadOnlyList<long> lengths, double theta, IProgress<double> progress,
        CancellationToken cancellationToken)
    {
        MambaModelInfo info = model.Info;
        int trainingLength = texts[0].Length;
        float[][][] thresholds = [.. lengths.Select(_ => new float[info.LayerCount][])];
        int globalHeads = 0;
        for (int layer = 0; layer < info.LayerCount; layer++)
        {
            (float[][] dt, double[] logRetention) = Trace(
                model, texts, layer,
                done => progress.Report((layer + done) / info.LayerCount), cancellationToken);
            bool[] isGlobal = [.. logRetention.Select(log => log / texts.Count > Math.Log(theta))];
            globalHeads += isGlobal.Count(global => global);
            foreach (float[] head in dt)
            {
                head.AsSpan().Sort((left, right) => right.CompareTo(left));
            }

            for (int index = 0; index < lengths.Count; index++)
            {
                double stretch = (double)lengths[index] / trainingLength;
                thresholds[index][layer] = Spread(
                    [.. dt.Select((head, number) => isGlobal[number] ? TokenFilterThreshold.Find(head, stretch) : 0)], info);
            }
        }

        return (new TokenFilterTable(trainingLength, lengths.Select((length, index) => new TokenFilterRow(length, thresholds[index]))), globalHeads);
    }

    // Step sizes of each head over all texts, and its sums of the log-decay.
    private static (float[][] Dt, double[] LogRetention) Trace(
        MambaModel model, IReadOnlyList<ReadOnlyMemory<int>> texts, int layer, Action<double> report, CancellationToken cancellationToken)
    {
        int length = texts[0].Length, row = 0;
        float[][] dt = [];
        double[] logRetention = [];
        foreach (ReadOnlyMemory<int> text in texts)
        {
            using MambaSession session = model.CreateSession();
            session.Policy = LongContextPolicy.None;
            for (int start = 0; start < length; start += SliceLength)
            {
                cancellationToken.ThrowIfCancellationRequested();
                HeadStep[,] steps = session.Trace(layer, text.Span.Slice(start, Math.Min(SliceLength, length - start)));
                if (dt.Length == 0)
                {
                    dt = [.. Enumerable.Range(0, steps.GetLength(1)).Select(_ => new float[length * texts.Count])];
                    logRetention = new double[dt.Length];
                }

                for (int token = 0; token < steps.GetLength(0); token++, row++)
                {
                    for (int head = 0; head < dt.Length; head++)
                    {
                        dt[head][row] = steps[token, head].Dt;
                        logRetention[head] += steps[token, head].LogDecay;
                    }
                }

                report((double)row / (length * texts.Count));
            }
        }

        return (dt, logRetention);
    }

    // Of Mamba-1 a table has thresholds for channels, and what is traced are means over blocks: all channels of a block get the block's.
    private static float[] Spread(float[] heads, MambaModelInfo info) => info.HeadCount > 0
        ? heads
        : [.. Enumerable.Range(0, info.DInner).Select(channel => heads[channel / 64])];
}
