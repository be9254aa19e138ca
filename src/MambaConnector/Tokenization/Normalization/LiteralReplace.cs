namespace MambaConnector.Tokenization;

/// <summary><c>Replace</c> of a fixed text.</summary>
internal sealed class LiteralReplace(string from, string to) : Normalizer
{
    public override string Signature => $"Replace(text {from} by {to})";

    public override string Normalize(string text) => text.Replace(from, to, StringComparison.Ordinal);
}
