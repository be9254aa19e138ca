using System.Numerics.Tensors;

namespace MambaConnector.Cli.Evaluation;

/// <summary>-ln p of tokens, at the speed of the vector units. <see cref="Scoring.LogSoftmax"/> gives the same in double precision.</summary>
internal static class CrossEntropy
{
    // A block of exponentials is added up in single precision, the blocks in double: the sum is right to one in 10^6 however long the row is.
    private const int Block = 1024;

    /// <summary>-ln p of one token.</summary>
    /// <param name="logits">[padded_vocab_size].</param>
    /// <param name="token">The token that came.</param>
    public static double Of(ReadOnlySpan<float> logits, int token)
    {
        float max = TensorPrimitives.Max(logits);
        Span<float> block = stackalloc float[Block];
        double sum = 0;
        for (int start = 0; start < logits.Length; start += Block)
        {
            ReadOnlySpan<float> part = logits.Slice(start, Math.Min(Block, logits.Length - start));
            Span<float> exponentials = block[..part.Length];
            TensorPrimitives.Subtract(part, max, exponentials);
            TensorPrimitives.Exp(exponentials, exponentials);
            sum += TensorPrimitives.Sum(exponentials);
        }

        return max + Math.Log(sum) - logits[token];
    }

    /// <summary>-ln p of many, on all processors.</summary>
    /// <param name="logits">[tokens, columns].</param>
    /// <param name="columns">Length of a row.</param>
    /// <param name="tokens">The token that came after each row.</param>
    /// <param name="losses">[tokens].</param>
    public static void OfRows(float[] logits, int columns, int[] tokens, Memory<double> losses) =>
        Parallel.For(0, losses.Length, row => losses.Span[row] = Of(logits.AsSpan(row * columns, columns), tokens[row]));
}
