namespace MambaConnector.Tokenization;

/// <summary>Reads the <c>normalizer</c> of a tokenizer.json.</summary>
internal static class NormalizerReader
{
    private const string Supported = "NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Replace, Prepend, Sequence";

    /// <summary>Reads it; null stays null.</summary>
    public static Normalizer? Read(JsonPart part)
    {
        if (part.IsNull)
        {
            return null;
        }

        var type = part["type"].Text();
        return type switch
        {
            "NFC" => new UnicodeForm(compatible: false, composes: true),
            "NFD" => new UnicodeForm(compatible: false, composes: false),
            "NFKC" => new UnicodeForm(compatible: true, composes: true),
            "NFKD" => new UnicodeForm(compatible: true, composes: false),
            "Lowercase" => new Lowercase(),
            "StripAccents" => new StripAccents(),
            "Strip" => new StripWhiteSpace(part["strip_left"].BooleanOr(true), part["strip_right"].BooleanOr(true)),
            "Prepend" => new Prepend(part["prepend"].Text()),
            "Replace" => ReadReplace(part),
            "Sequence" => ReadSequence(part["normalizers"]),
            _ => throw part["type"].Unsupported($"is \"{type}\"", Supported),
        };
    }

    private static NormalizerSequence? ReadSequence(JsonPart steps)
    {
        var normalizers = steps.Items().Select(Read).OfType<Normalizer>().ToArray();
        return normalizers.Length == 0 ? null : new NormalizerSequence(normalizers);
    }

    private static Normalizer ReadReplace(JsonPart part)
    {
        var to = part["content"].Text();
        var (literal, pattern) = PreTokenizerReader.ReadPattern(part["pattern"]);
        return pattern is null ? new LiteralReplace(literal!, to) : new PatternReplace(pattern, to);
    }
}
