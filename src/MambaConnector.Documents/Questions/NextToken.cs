namespace MambaConnector.Documents.Questions;

/// <summary>The distribution of a token of an answer.</summary>
/// <param name="Entropy">In nats; infinite where the logits are no distribution, so that nothing is less certain.</param>
/// <param name="MostLikely">The token with the largest logit, the lowest id among equals; NaN is below all.</param>
internal readonly record struct NextToken(double Entropy, int MostLikely)
{
    /// <summary>Of a model's logits, without those of padding.</summary>
    /// <param name="model">The model.</param>
    /// <param name="logits">[padded_vocab_size].</param>
    public static NextToken Of(MambaModel model, ReadOnlySpan<float> logits) =>
        Of(logits[..Math.Min(model.Info.VocabSize, model.Tokenizer.VocabularySize)]);

    /// <summary>Of logits. With <c>Z = sum exp(l - max)</c>, the entropy is <c>log Z - sum exp(l - max) (l - max) / Z</c>, in double
    /// precision.</summary>
    /// <param name="logits">[vocabulary], without padding.</param>
    public static NextToken Of(ReadOnlySpan<float> logits)
    {
        int best = 0;
        for (int token = 1; token < logits.Length; token++)
        {
            best = logits[token] > logits[best] || float.IsNaN(logits[best]) ? token : best;
        }

        double sum = 0;
        double weighted = 0;
        foreach (float logit in logits)
        {
            double below = (double)logit - logits[best];
            double share = Math.Exp(below);

            // Of NaN too: one logit that is none spoils the sum.
            if (share != 0)
            {
                sum += share;
                weighted += share * below;
            }
        }

        double entropy = Math.Log(sum) - (weighted / sum);
        return new NextToken(double.IsFinite(entropy) ? entropy : double.PositiveInfinity, best);
    }
}
