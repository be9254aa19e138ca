namespace MambaConnector.Tokenization;

/// <summary>Every <c>tokenizer.ggml.pre</c> that is accepted, and what it means. docs/tokenizers.md lists the same names.</summary>
/// <param name="Names">The names, the first of which is written.</param>
/// <param name="Stages">The stages, as the Hugging Face file of such a model has them.</param>
/// <param name="IgnoresMerges">A piece that is a token is taken as a whole.</param>
/// <param name="AddsBos">BOS is put in front unless the file says otherwise.</param>
internal sealed record PreTokenizerTable(string[] Names, PreTokenizer[] Stages, bool IgnoresMerges = false, bool AddsBos = false)
{
    // Written in escapes: several of these characters look like others, and editors that normalize would change them.
    private const string DeepSeekIdeographs = "[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+";

    private const string DeepSeekPunctuation = "\\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+";

    private const string DeepSeekLetters =
        "\\s?[A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293\u0295-\u02AF\u0370-\u0373\u0376\u0377"
        + "\u037B-\u037D\u037F\u0386\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03F5\u03F7-\u0481\u048A-\u052F\u0531-\u0556\u10A0-"
        + "\u10C5\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA\u1CBD-\u1CBF\u1D00-\u1D2B\u1D6B-\u1D77\u1D79-\u1D9A\u1E00-\u1F15\u1F18-"
        + "\u1F1D\u1F20-\u1F45\u1F48-\u1F4D\u1F50-\u1F57\u1F59\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE\u1FC2-"
        + "\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-\u1FFC\u2102\u2107\u210A-\u2113\u2115"
        + "\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134\u2139\u213C-\u213F\u2145-\u2149\u214E\u2183\u2184\u2C00-\u2C7B"
        + "\u2C7E-\u2CE4\u2CEB-\u2CEE\u2CF2\u2CF3\uA640-\uA66D\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E\uAB70-\uABBF"
        + "\uFB00-\uFB06\uFB13-\uFB17\uFF21-\uFF3A\uFF41-\uFF5A\U00010400-\U0001044F\U000104B0-\U000104D3\U000104D8-\U000104FB"
        + "\U00010C80-\U00010CB2\U00010CC0-\U00010CF2\U000118A0-\U000118DF\U0001E900-\U0001E943]+";

    private static readonly PreTokenizerTable[] Rows =
    [
        new(["gpt-2", "mpt", "olmo", "jais", "phi-2"], [ByteLevel(useRegex: true)]),
        new(
            ["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"],
            [ClassSplit.Digits(individual: true), ByteLevel(useRegex: true)]),
        new(["falcon"],
        [
            ClassSplit.Punctuation(SplitBehavior.Contiguous),
            new ByteLevelSplit(addPrefixSpace: false, useRegex: true, mapsBytes: true),
            ClassSplit.Digits(individual: false),
            Pattern("[0-9][0-9][0-9]"),
        ]),
        new(
            ["llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1"],
            [Pattern(KnownPatterns.Llama3), ByteLevel()],
            IgnoresMerges: true,
            AddsBos: true),
        new(["dbrx", "granite", "smaug-bpe"], [Pattern(KnownPatterns.Llama3), ByteLevel()]),
        new(["qwen2", "stablelm2", "deepseek-r1-qwen", "megrez"], [Pattern(KnownPatterns.Qwen2), ByteLevel()]),
        new(["tekken"], [Pattern(KnownPatterns.Tekken), ByteLevel()], IgnoresMerges: true, AddsBos: true),
        new(["deepseek-llm"],
        [
            Pattern("[\r\n]"),
            Pattern(DeepSeekLetters),
            Pattern(DeepSeekPunctuation),
            Pattern(@"\s+$"),
            Pattern(DeepSeekIdeographs),
            ClassSplit.Digits(individual: true),
            ByteLevel(),
        ]),
        new(["deepseek-coder"],
        [
            Pattern("[\r\n]"),
            Pattern(@"\s?\p{L}+"),
            Pattern(@"\s?\p{P}+"),
            Pattern(DeepSeekIdeographs),
            ClassSplit.Digits(individual: true),
            ByteLevel(),
        ]),
        new(["default"],
        [
            Pattern(@"[\p{P}$+<=>^~|]+"),
            Pattern(KnownPatterns.Gpt2),
            ClassSplit.Digits(individual: false),
            Pattern("[0-9][0-9][0-9]"),
            ByteLevel(),
        ]),
    ];

    private static readonly Dictionary<string, PreTokenizerTable> ByName =
        Rows.SelectMany(row => row.Names, (row, name) => (name, row)).ToDictionary(StringComparer.Ordinal);

    /// <summary>All accepted names.</summary>
    public static IEnumerable<string> AcceptedNames => ByName.Keys;

    /// <summary>The row of a name.</summary>
    /// <exception cref="InvalidDataException">The name is not in the table.</exception>
    public static PreTokenizerTable Get(string name) => ByName.TryGetValue(name, out var row)
        ? row
        : throw new InvalidDataException(
            $"tokenizer.ggml.pre is '{name}', a way of splitting text that is not supported "
            + $"(supported: {string.Join(", ", AcceptedNames)}). Give the model's tokenizer.json instead.");

    /// <summary>The row with exactly these stages, if there is one.</summary>
    public static PreTokenizerTable? Find(IReadOnlyList<PreTokenizer> stages, bool ignoresMerges)
    {
        var signature = Signature(stages);
        return Array.Find(Rows, row => row.IgnoresMerges == ignoresMerges && Signature(row.Stages) == signature);
    }

    // Dropping what a pattern that covers all text does not match is the same as isolating what it matches.
    private static string Signature(IEnumerable<PreTokenizer> stages) =>
        string.Join('\n', stages.Select(stage => stage.Signature.Replace("Removed, inverted)", "Isolated)", StringComparison.Ordinal)));

    private static PatternSplit Pattern(string pattern) => new(new SplitPattern(pattern), SplitBehavior.Isolated);

    private static ByteLevelSplit ByteLevel(bool useRegex = false) => new(addPrefixSpace: false, useRegex, mapsBytes: false);
}
