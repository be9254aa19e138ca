using MambaConnector.Cli.Evaluation;

namespace MambaConnector.Cli.Merging;

/// <summary>How well a state predicts what follows.</summary>
internal static class ContinuationLoss
{
    /// <summary>Tokens whose logits are in memory at once.</summary>
    public const int Rows = 256;

    /// <summary>Mean -ln p, in nats a token, of all tokens but the first, before which merged states have read nothing.</summary>
    /// <param name="session">Has read what comes before; reads all tokens but the last.</param>
    /// <param name="tokens">Two at least.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static double Of(MambaSession session, int[] tokens, CancellationToken cancellationToken)
    {
        int columns = session.Model.Info.PaddedVocabSize;
        double[] losses = new double[tokens.Length - 1];
        float[] logits = new float[Math.Min(losses.Length, Rows) * columns];
        for (int begin = 0; begin < losses.Length; begin += Rows)
        {
            int rows = Math.Min(losses.Length - begin, Rows), next = begin + 1;
            session.EvaluateLogits(tokens.AsSpan(begin, rows), logits.AsSpan(0, rows * columns), cancellationToken);
            CrossEntropy.OfRows(logits, columns, tokens[next..(next + rows)], losses.AsMemory(begin, rows));
        }

        return losses.Average();
    }
}
