using System.Numerics.Tensors;

namespace MambaConnector.Cli.Scoring;

/// <summary>Natural-log probabilities of one row of logits, over all its columns.</summary>
internal readonly ref struct LogSoftmax
{
    private readonly ReadOnlySpan<float> _logits;
    private readonly double _logSum;

    /// <param name="logits">[padded_vocab_size].</param>
    public LogSoftmax(ReadOnlySpan<float> logits)
    {
        _logits = logits;
        double max = TensorPrimitives.Max(logits);
        double sum = 0;
        // In double precision: a sum of 65,024 single-precision terms would lose the fourth decimal.
        foreach (float logit in logits)
        {
            sum += Math.Exp(logit - max);
        }

        _logSum = max + Math.Log(sum);
    }

    /// <summary>ln p of a token.</summary>
    public double this[int token] => _logits[token] - _logSum;

    /// <summary>The most likely tokens, the most likely first, lower ids first among equals. Padding ids mean nothing and are left out.</summary>
    public TokenLogProbability[] Top(int count, int vocabularySize)
    {
        PriorityQueue<int, (float Logit, int Order)> kept = new(count + 1);
        for (int token = 0; token < vocabularySize; token++)
        {
            if (kept.Count < count)
            {
                kept.Enqueue(token, (_logits[token], -token));
            }
            else if (_logits[token] > _logits[kept.Peek()])
            {
                kept.DequeueEnqueue(token, (_logits[token], -token));
            }
        }

        TokenLogProbability[] top = new TokenLogProbability[kept.Count];
        for (int rank = top.Length - 1; rank >= 0; rank--)
        {
            int token = kept.Dequeue();
            top[rank] = new TokenLogProbability(token, this[token]);
        }

        return top;
    }
}
