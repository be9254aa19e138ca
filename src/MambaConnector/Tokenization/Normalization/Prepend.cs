namespace MambaConnector.Tokenization;

/// <summary><c>Prepend</c>: a text in front of every text that is not empty.</summary>
internal sealed class Prepend(string prefix) : Normalizer
{
    public override string Signature => $"Prepend({prefix})";

    public override string Normalize(string text) => text.Length == 0 ? text : prefix + text;
}
