namespace MambaConnector.Tokenization;

/// <summary>Reads the <c>decoder</c> of a tokenizer.json.</summary>
internal static class DecoderReader
{
    private const string Supported = "ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace, Sequence";

    /// <summary>Reads it.</summary>
    /// <param name="part">The decoder.</param>
    /// <param name="byteLevel">Whether the text is cut into bytes; then a missing decoder is taken for <c>ByteLevel</c>.</param>
    public static TokenSpelling Read(JsonPart part, bool byteLevel)
    {
        if (part.IsNull)
        {
            return byteLevel
                ? new TokenSpelling(true, [], false, LeadingSpace.Keep)
                : throw new InvalidDataException($"{part.Path} is missing, and only a ByteLevel vocabulary can be read back without one.");
        }

        List<JsonPart> steps = [];
        Flatten(part, steps, 0);
        var (bytes, fallback, fused) = (false, false, false);
        List<(string, string)> replacements = [];
        var leading = LeadingSpace.Keep;
        foreach (var step in steps)
        {
            var type = step["type"].Text();
            switch (type)
            {
                case "ByteLevel":
                    bytes = true;
                    break;
                case "ByteFallback":
                    fallback = true;
                    break;
                case "Fuse":
                    fused = true;
                    break;
                case "Replace" when !fused && PreTokenizerReader.ReadPattern(step["pattern"]).Literal is { } from:
                    replacements.Add((from, step["content"].Text()));
                    break;
                case "Replace":
                    throw step.Unsupported("is a Replace with a regular expression or behind Fuse", "a fixed text, before Fuse");
                case "Strip" when fused && step["content"].Text() == " " && step["start"].Int32() == 1 && step["stop"].Int32() == 0:
                    leading = LeadingSpace.DropOne;
                    break;
                case "Strip":
                    throw step.Unsupported("strips something else than one leading space of the whole text",
                        "content \" \", start 1, stop 0, behind Fuse");
                case "Metaspace":
                    replacements.Add((step["replacement"].TextOr("▁")!, " "));
                    leading = PreTokenizerReader.ReadScheme(step) == PrependScheme.Never ? LeadingSpace.Keep
                        : LeadingSpace.DropInFirstToken;
                    break;
                default:
                    throw step["type"].Unsupported($"is \"{type}\"", Supported);
            }
        }

        return new TokenSpelling(bytes, replacements, fallback, leading);
    }

    private static void Flatten(JsonPart part, List<JsonPart> steps, int depth)
    {
        if (part["type"].Text() == "Sequence" && depth < 8)
        {
            foreach (var item in part["decoders"].Items())
            {
                Flatten(item, steps, depth + 1);
            }
        }
        else
        {
            steps.Add(part);
        }
    }
}
