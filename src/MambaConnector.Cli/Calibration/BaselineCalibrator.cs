namespace MambaConnector.Cli.Calibration;

/// <summary>Measures what a healthy state looks like: <see cref="StateBaseline"/>.</summary>
internal static class BaselineCalibrator
{
    /// <summary>Tokens between two looks at the state.</summary>
    public const int Every = 64;

    /// <summary>Reads each text from an empty state, and gathers the largest numbers of every head.</summary>
    /// <param name="model">The model.</param>
    /// <param name="texts">None longer than <paramref name="trainingLength"/>.</param>
    /// <param name="trainingLength">T_train, tokens.</param>
    /// <param name="source">What the texts are, for people.</param>
    /// <param name="progress">Told the fraction done.</param>
    /// <param name="cancellationToken">Looked at between samples.</param>
    public static StateBaseline Run(
        MambaModel model, IReadOnlyList<ReadOnlyMemory<int>> texts, long trainingLength, string source, IProgress<double> progress,
        CancellationToken cancellationToken)
    {
        StateBaselineBuilder builder = new(model.Info, trainingLength);
        long done = 0, all = texts.Sum(text => (long)text.Length);
        foreach (ReadOnlyMemory<int> text in texts)
        {
            using MambaSession session = model.CreateSession();
            session.Policy = LongContextPolicy.None;
            for (int start = 0; start < text.Length; start += Every)
            {
                int count = Math.Min(Every, text.Length - start);
                session.Append(text.Span.Slice(start, count), cancellationToken);
                builder.Add(session.GetStateStatistics());
                done += count;
                progress.Report((double)done / all);
            }

            builder.AddTokens(text.Length);
        }

        return builder.Build(source);
    }
}
