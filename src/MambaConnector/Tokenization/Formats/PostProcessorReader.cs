namespace MambaConnector.Tokenization;

/// <summary>Reads of the <c>post_processor</c> of a tokenizer.json the one thing that matters to a language model: the token put in
/// front.</summary>
internal static class PostProcessorReader
{
    private const string Supported = "TemplateProcessing, ByteLevel, Sequence";

    /// <summary>The special token that a single text begins with, or <see langword="null"/>.</summary>
    public static string? FindBos(JsonPart part)
    {
        if (part.IsNull)
        {
            return null;
        }

        var type = part["type"].Text();
        return type switch
        {
            "ByteLevel" => null, // moves offsets only
            "Sequence" => part["processors"].Items().Select(FindBos).FirstOrDefault(bos => bos is not null),
            "TemplateProcessing" => part["single"].Items().Select(item => item["SpecialToken"]["id"].TextOr(null)).FirstOrDefault(),
            _ => throw part["type"].Unsupported($"is \"{type}\"", Supported),
        };
    }
}
