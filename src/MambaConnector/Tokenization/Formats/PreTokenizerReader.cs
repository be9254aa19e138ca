namespace MambaConnector.Tokenization;

/// <summary>Reads the <c>pre_tokenizer</c> of a tokenizer.json into a flat list of stages.</summary>
internal static class PreTokenizerReader
{
    private const string Supported =
        "ByteLevel, Split, Digits, Punctuation, Whitespace, WhitespaceSplit, Metaspace, CharDelimiterSplit, BertPreTokenizer, Sequence";

    /// <summary>Reads it; null is no stage at all.</summary>
    public static List<PreTokenizer> Read(JsonPart part)
    {
        List<PreTokenizer> stages = [];
        Add(part, stages, depth: 0);
        var byteLevels = stages.OfType<ByteLevelSplit>().Count();
        if (byteLevels > 1)
        {
            throw part.Unsupported($"has {byteLevels} ByteLevel stages", "one");
        }

        // The last stage leaves the writing of bytes to the model.
        var place = stages.FindIndex(stage => stage is ByteLevelSplit);
        if (place >= 0)
        {
            stages[place] = ((ByteLevelSplit)stages[place]).WithMapping(mapsHere: place < stages.Count - 1);
        }

        return stages;
    }

    /// <summary>Reads a pattern: <c>{"String": ".."}</c> or <c>{"Regex": ".."}</c>, or a bare text.</summary>
    public static (string? Literal, SplitPattern? Pattern) ReadPattern(JsonPart part)
    {
        if (part.Kind != System.Text.Json.JsonValueKind.String && !part["Regex"].IsNull)
        {
            return (null, new SplitPattern(part["Regex"].Text()));
        }

        var place = part.Kind == System.Text.Json.JsonValueKind.String ? part : part["String"];
        var literal = place.Text();
        return literal.Length > 0 ? (literal, null) : throw place.Bad("is empty");
    }

    private static void Add(JsonPart part, List<PreTokenizer> stages, int depth)
    {
        if (part.IsNull)
        {
            return;
        }

        var type = part["type"].Text();
        switch (type)
        {
            case "Sequence" when depth < 8:
                foreach (var item in part["pretokenizers"].Items())
                {
                    Add(item, stages, depth + 1);
                }

                break;
            case "ByteLevel":
                stages.Add(new ByteLevelSplit(part["add_prefix_space"].BooleanOr(true), part["use_regex"].BooleanOr(true),
                    mapsBytes: true));
                break;
            case "Split":
                var (literal, pattern) = ReadPattern(part["pattern"]);
                var behavior = ReadBehavior(part["behavior"], null);
                var invert = part["invert"].BooleanOr(false);
                stages.Add(pattern is null ? new LiteralSplit(literal!, behavior, invert) : new PatternSplit(pattern, behavior, invert));
                break;
            case "Digits":
                stages.Add(ClassSplit.Digits(part["individual_digits"].BooleanOr(false)));
                break;
            case "Punctuation":
                stages.Add(ClassSplit.Punctuation(ReadBehavior(part["behavior"], SplitBehavior.Isolated)));
                break;
            case "Whitespace":
                stages.Add(new WordSplit());
                break;
            case "WhitespaceSplit":
                stages.Add(ClassSplit.WhiteSpace());
                break;
            case "BertPreTokenizer":
                stages.Add(ClassSplit.WhiteSpace());
                stages.Add(ClassSplit.Punctuation(SplitBehavior.Isolated));
                break;
            case "CharDelimiterSplit":
                stages.Add(new LiteralSplit(ReadCharacter(part["delimiter"]).ToString(), SplitBehavior.Removed));
                break;
            case "Metaspace":
                stages.Add(ReadMetaspace(part));
                break;
            default:
                throw part["type"].Unsupported($"is \"{type}\"", Supported);
        }
    }

    private static MetaspaceSplit ReadMetaspace(JsonPart part)
    {
        var replacement = part["replacement"].IsNull ? WordBoundarySplit.Mark : ReadCharacter(part["replacement"]);
        return new MetaspaceSplit(replacement, ReadScheme(part), part["split"].BooleanOr(true));
    }

    /// <summary>Reads <c>prepend_scheme</c>, or what older files have in its place.</summary>
    public static PrependScheme ReadScheme(JsonPart part)
    {
        var scheme = part["prepend_scheme"].TextOr(part["add_prefix_space"].BooleanOr(true) ? "always" : "never");
        return scheme switch
        {
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            _ => throw part["prepend_scheme"].Unsupported($"is \"{scheme}\"", "always, first, never"),
        };
    }

    /// <summary>Reads a text of one UTF-16 unit.</summary>
    public static char ReadCharacter(JsonPart part) => part.Text() is [var c] ? c : throw part.Bad("is not one character");

    private static SplitBehavior ReadBehavior(JsonPart part, SplitBehavior? fallback)
    {
        if (part.IsNull && fallback is { } value)
        {
            return value;
        }

        return Enum.TryParse<SplitBehavior>(part.Text(), out var behavior) && Enum.IsDefined(behavior)
            ? behavior
            : throw part.Unsupported($"is \"{part.Text()}\"", string.Join(", ", Enum.GetNames<SplitBehavior>()));
    }
}
