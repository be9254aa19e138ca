using System.Globalization;
using System.Text;

namespace MambaConnector.Tokenization;

/// <summary>Reads a vocabulary from the <c>tokenizer.ggml.*</c> keys of a GGUF file.</summary>
internal static class GgufVocabularyReader
{
    private const string Prefix = "tokenizer.ggml.";
    private const int LongestToken = 4096; // characters; real ones have at most a few hundred

    /// <summary>Reads it.</summary>
    /// <exception cref="InvalidDataException">A key is missing, damaged, or says something that is not supported.</exception>
    public static TokenizerDefinition Read(ModelMetadata metadata)
    {
        var model = metadata.GetString(Prefix + "model")
            ?? throw new InvalidDataException("The model's metadata has no 'tokenizer.ggml.model': it carries no tokenizer. Give a tokenizer.json beside it.");
        if (model is not ("gpt2" or "llama"))
        {
            throw new InvalidDataException(
                $"tokenizer.ggml.model is '{model}', which is not supported (supported: gpt2, llama). Give the model's tokenizer.json instead.");
        }

        var tokens = metadata.GetStrings(Prefix + "tokens") ?? throw new InvalidDataException("tokenizer.ggml.tokens is missing or is no array of texts.");
        if (tokens.Length == 0)
        {
            throw new InvalidDataException("tokenizer.ggml.tokens is empty.");
        }

        if (Array.FindIndex(tokens, token => token.Length > LongestToken) is >= 0 and var tooLong)
        {
            throw new InvalidDataException($"tokenizer.ggml.tokens[{tooLong}] has {tokens[tooLong].Length} characters; up to {LongestToken} are accepted.");
        }

        var kinds = ReadKinds(metadata, tokens);
        var definition = metadata.GetString("tokenizer.huggingface.json") is { } json
            ? HuggingFaceReader.Read(Encoding.UTF8.GetBytes(json), minimumSize: tokens.Length)
            : model == "gpt2" ? ReadByteLevel(metadata, tokens, kinds) : ReadSentencePiece(metadata, tokens, kinds);
        definition.BosId = ReadId(metadata, "bos_token_id", definition.Tokens.Length);
        definition.EosId = ReadId(metadata, "eos_token_id", definition.Tokens.Length);
        definition.PadId = ReadId(metadata, "padding_token_id", definition.Tokens.Length);
        definition.UnknownId = ReadId(metadata, "unknown_token_id", definition.Tokens.Length);
        definition.AddsBos = metadata.GetBoolean(Prefix + "add_bos_token") ?? definition.AddsBos;
        return definition;
    }

    private static TokenizerDefinition ReadByteLevel(ModelMetadata metadata, string[] tokens, TokenKind[] kinds)
    {
        const string MergesKey = Prefix + "merges";
        var merges = metadata.GetStrings(MergesKey) ?? throw new InvalidDataException($"{MergesKey} is missing or is no array of texts.");

        // Files from before the key existed are GPT-2's and NeoX's kind: they get GPT-2's split.
        var name = metadata.GetString(Prefix + "pre") ?? "gpt-2";
        var row = PreTokenizerTable.Get(name);
        var ids = IdsBySpelling(tokens, id => kinds[id] is TokenKind.Normal or TokenKind.UserDefined);
        var pairs = merges.Select((merge, index) => MergeTable.Parse(merge, index, MergesKey)).ToList();
        return new TokenizerDefinition
        {
            Tokens = tokens,
            Kinds = kinds,
            Bytes = BytesOf(tokens, kinds, ByteAlphabet.Decode),
            AddedTokens = AddedTokens(tokens, kinds),
            Stages = row.Stages,
            Model = new BpeModel(new BpeOptions
            {
                VocabularySize = tokens.Length,
                Symbols = MergeTable.SingleCharacters(ids),
                Merges = MergeTable.Build(pairs, IdsBySpelling(tokens, _ => true), MergesKey),
                MapsBytes = row.Stages[^1] is ByteLevelSplit,
                WholePieces = row.IgnoresMerges ? ids : null,
            }),
            Gguf = new GgufForm("gpt2", name, merges, null, false, null),
            AddsBos = row.AddsBos,
        };
    }

    private static TokenizerDefinition ReadSentencePiece(ModelMetadata metadata, string[] tokens, TokenKind[] kinds)
    {
        var scores = metadata.GetSingles(Prefix + "scores");
        if (scores?.Length != tokens.Length)
        {
            throw new InvalidDataException(
                $"tokenizer.ggml.scores has {scores?.Length.ToString(CultureInfo.InvariantCulture) ?? "no"} numbers for {tokens.Length} tokens.");
        }

        var addsPrefix = metadata.GetBoolean(Prefix + "add_space_prefix") ?? true;
        bool TakesPart(int id) => kinds[id] is TokenKind.Normal or TokenKind.UserDefined;
        var (symbols, merges) = ScoredMerges.Build(tokens, scores, TakesPart);
        Normalizer mark = new LiteralReplace(" ", "▁");
        return new TokenizerDefinition
        {
            Tokens = tokens,
            Kinds = kinds,
            Bytes = BytesOf(tokens, kinds, token => Encoding.UTF8.GetBytes(token.Replace(WordBoundarySplit.Mark, ' '))),
            AddedTokens = AddedTokens(tokens, kinds),
            Normalizer = addsPrefix ? new NormalizerSequence([new Prepend("▁"), mark]) : mark,
            Stages = WordBoundarySplit.IsExactFor(tokens.Where((_, id) => TakesPart(id))) ? [new WordBoundarySplit()] : [],
            Model = new BpeModel(new BpeOptions
            {
                VocabularySize = tokens.Length,
                Symbols = symbols,
                Merges = merges,
                ByteTokens = MergeTable.ByteTokens(IdsBySpelling(tokens, id => kinds[id] == TokenKind.Byte)),
                UnknownId = ReadId(metadata, "unknown_token_id", tokens.Length),
                FuseUnknown = true,
            }),
            LeadingSpace = addsPrefix ? LeadingSpace.DropOne : LeadingSpace.Keep,
            Gguf = new GgufForm("llama", metadata.GetString(Prefix + "pre") ?? "default", null, scores, addsPrefix, null),
            AddsBos = true,
        };
    }

    private static TokenKind[] ReadKinds(ModelMetadata metadata, string[] tokens)
    {
        var kinds = new TokenKind[tokens.Length];
        if (!metadata.ContainsKey(Prefix + "token_type"))
        {
            Array.Fill(kinds, TokenKind.Normal);
            return kinds;
        }

        var types = metadata.GetInt32s(Prefix + "token_type");
        if (types?.Length != tokens.Length)
        {
            throw new InvalidDataException(
                $"tokenizer.ggml.token_type has {types?.Length.ToString(CultureInfo.InvariantCulture) ?? "no"} integers for {tokens.Length} tokens.");
        }

        for (var id = 0; id < types.Length; id++)
        {
            kinds[id] = types[id] switch
            {
                0 => TokenKind.Normal, // "undefined"
                >= 1 and <= 6 => (TokenKind)types[id],
                _ => throw new InvalidDataException($"tokenizer.ggml.token_type[{id}] is {types[id]}; GGUF has the kinds 1 to 6."),
            };

            // Rows that a converter made up to fill the table; older ones are marked as user-defined, and text must not find them.
            if (kinds[id] == TokenKind.UserDefined && tokens[id] == Padding(id))
            {
                kinds[id] = TokenKind.Unused;
            }
        }

        return kinds;
    }

    /// <summary>The spelling of a row that no token uses.</summary>
    public static string Padding(int id) => string.Create(CultureInfo.InvariantCulture, $"[PAD{id}]");

    private static int? ReadId(ModelMetadata metadata, string key, int count) => metadata.GetInt64(Prefix + key) switch
    {
        null or uint.MaxValue or -1 => null, // the two ways in which converters write "none"
        >= 0 and var id when id < count => (int)id,
        var id => throw new InvalidDataException($"{Prefix}{key} is {id}, but the vocabulary has {count} tokens."),
    };

    private static AddedToken[] AddedTokens(string[] tokens, TokenKind[] kinds) =>
        Enumerable.Range(0, tokens.Length)
            .Where(id => kinds[id] is TokenKind.Control or TokenKind.Unknown or TokenKind.UserDefined)
            .Select(id => new AddedToken(id, tokens[id], Special: kinds[id] != TokenKind.UserDefined))
            .ToArray();

    private static Dictionary<string, int> IdsBySpelling(string[] tokens, Func<int, bool> takesPart)
    {
        var ids = new Dictionary<string, int>(tokens.Length, StringComparer.Ordinal);
        for (var id = 0; id < tokens.Length; id++)
        {
            if (takesPart(id))
            {
                ids.TryAdd(tokens[id], id);
            }
        }

        return ids;
    }

    private static byte[][] BytesOf(string[] tokens, TokenKind[] kinds, Func<string, byte[]> spell)
    {
        var bytes = new byte[tokens.Length][];
        for (var id = 0; id < tokens.Length; id++)
        {
            bytes[id] = kinds[id] switch
            {
                TokenKind.Normal => spell(tokens[id]),
                TokenKind.Byte => [ReadByte(tokens[id], id)],
                TokenKind.Unused => [],
                _ => Encoding.UTF8.GetBytes(tokens[id]),
            };
        }

        return bytes;
    }

    private static byte ReadByte(string token, int id) =>
        token is ['<', '0', 'x', _, _, '>']
            && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? value
            : throw new InvalidDataException($"tokenizer.ggml.tokens[{id}] is \"{token}\", marked as a byte; bytes are spelled <0x00> to <0xFF>.");
}
