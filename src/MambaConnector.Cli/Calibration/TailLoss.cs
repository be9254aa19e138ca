using MambaConnector.Cli.Scoring;

namespace MambaConnector.Cli.Calibration;

/// <summary>The loss over the last tokens of texts: what a policy is judged by.</summary>
internal static class TailLoss
{
    /// <summary>Tokens at the end of a text that are scored, as in MambaExtend.</summary>
    public const int TailLength = 100;

    private static readonly IProgress<double> _silence = new Silence();

    /// <summary>Mean of -ln p over the last <see cref="TailLength"/> tokens of each text, each read from an empty state.</summary>
    /// <param name="model">The model.</param>
    /// <param name="texts">Longer than <see cref="TailLength"/>.</param>
    /// <param name="policy">The policy of the sessions.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public static double Measure(
        MambaModel model, IReadOnlyList<ReadOnlyMemory<int>> texts, LongContextPolicy policy, CancellationToken cancellationToken)
    {
        double sum = 0;
        foreach (ReadOnlyMemory<int> text in texts)
        {
            using MambaSession session = model.CreateSession();
            session.Policy = policy.ForPrompt(text.Length);
            session.Append(text.Span[..^TailLength], cancellationToken);
            sum += SequenceScorer.Score(session, text.Span[^TailLength..], 0, _silence, cancellationToken).MeanNegativeLogLikelihood!.Value;
        }

        return sum / texts.Count;
    }

    private sealed class Silence : IProgress<double>
    {
        public void Report(double value)
        {
        }
    }
}
