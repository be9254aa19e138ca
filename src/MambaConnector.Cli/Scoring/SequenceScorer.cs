using System.Buffers;

namespace MambaConnector.Cli.Scoring;

/// <summary>Scores a sequence of any length in slices, at the memory of one slice.</summary>
internal static class SequenceScorer
{
    // Rows of logits held at a time: 256 rows of a vocabulary of 50,288 are 51 MB.
    private const int SliceLength = 256;

    /// <summary>ln p of each token given those before it, and the most likely tokens there.</summary>
    /// <param name="session">Advanced by the tokens. If it holds tokens already, the first is scored too; else its place is null.</param>
    /// <param name="tokens">The sequence.</param>
    /// <param name="topCount">How many of the most likely tokens to give at each position.</param>
    /// <param name="progress">Told the fraction done.</param>
    /// <param name="cancellationToken">Looked at between slices.</param>
    public static SequenceScore Score(
        MambaSession session, ReadOnlySpan<int> tokens, int topCount, IProgress<double> progress, CancellationToken cancellationToken)
    {
        MambaModelInfo info = session.Model.Info;
        int columns = info.PaddedVocabSize;
        int wrong = tokens.IndexOfAnyExceptInRange(0, columns - 1);
        if (wrong >= 0)
        {
            throw new InvalidDataException($"Token {tokens[wrong]} at position {wrong} is not in the vocabulary: ids run from 0 to {columns - 1}.");
        }

        double?[] logProbabilities = new double?[tokens.Length];
        TokenLogProbability[][] top = new TokenLogProbability[topCount > 0 ? tokens.Length : 0][];
        if (topCount > 0)
        {
            Array.Fill(top, []);
        }

        float[] logits = ArrayPool<float>.Shared.Rent(columns * Math.Min(SliceLength, tokens.Length));
        try
        {
            if (session.TokenCount > 0 && tokens.Length > 0)
            {
                Take(0, tokens[0], session.GetLogits(cancellationToken));
            }

            for (int start = 0; start < tokens.Length; start += SliceLength)
            {
                cancellationToken.ThrowIfCancellationRequested();
                ReadOnlySpan<int> slice = tokens.Slice(start, Math.Min(SliceLength, tokens.Length - start));
                session.EvaluateLogits(slice, logits.AsSpan(0, columns * slice.Length), cancellationToken);
                for (int row = 0; row < slice.Length && start + row + 1 < tokens.Length; row++)
                {
                    Take(start + row + 1, tokens[start + row + 1], logits.AsSpan(row * columns, columns));
                }

                progress.Report((double)(start + slice.Length) / tokens.Length);
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(logits);
        }

        return new SequenceScore(logProbabilities, top);

        void Take(int position, int token, ReadOnlySpan<float> row)
        {
            LogSoftmax softmax = new(row);
            logProbabilities[position] = softmax[token];
            if (topCount > 0)
            {
                top[position] = softmax.Top(Math.Min(topCount, info.VocabSize), info.VocabSize);
            }
        }
    }
}
