namespace MambaConnector.Tokenization;

/// <summary>One step that rewrites text before it is cut (<c>normalizer</c> in <c>tokenizer.json</c>). Immutable.</summary>
internal abstract class Normalizer
{
    /// <summary>Kind and settings, in one line.</summary>
    public abstract string Signature { get; }

    /// <summary>Rewrites a text. It has no lone surrogates, and the result has none.</summary>
    public abstract string Normalize(string text);
}
