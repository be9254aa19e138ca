namespace MambaConnector.Tokenization;

/// <summary><c>Sequence</c> of normalizers, one after the other.</summary>
internal sealed class NormalizerSequence(IReadOnlyList<Normalizer> steps) : Normalizer
{
    public override string Signature => $"[{string.Join(", ", steps.Select(step => step.Signature))}]";

    public override string Normalize(string text) => steps.Aggregate(text, (current, step) => step.Normalize(current));
}
