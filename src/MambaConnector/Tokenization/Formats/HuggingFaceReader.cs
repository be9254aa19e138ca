using System.Text;
using System.Text.Json;

namespace MambaConnector.Tokenization;

/// <summary>Reads a Hugging Face <c>tokenizer.json</c> with a BPE model.</summary>
internal static class HuggingFaceReader
{
    private const int LargestVocabulary = 1 << 22; // a bound against damaged ids; the largest real vocabularies have 262,144

    /// <summary>Reads it.</summary>
    /// <param name="utf8">The file.</param>
    /// <param name="configUtf8"><c>tokenizer_config.json</c>, or empty.</param>
    /// <param name="minimumSize">The vocabulary is filled up to this size.</param>
    /// <exception cref="InvalidDataException">A part is malformed or not supported; the message names it.</exception>
    public static TokenizerDefinition Read(ReadOnlyMemory<byte> utf8, ReadOnlyMemory<byte> configUtf8 = default, int minimumSize = 0)
    {
        using var document = Parse(utf8, "tokenizer.json");
        using var config = configUtf8.IsEmpty ? null : Parse(configUtf8, "tokenizer_config.json");
        var definition = Read(new JsonPart(document.RootElement, "tokenizer.json:"), utf8, minimumSize);
        if (config is not null)
        {
            Apply(new JsonPart(config.RootElement, "tokenizer_config.json:"), definition);
        }

        return definition;
    }

    private static TokenizerDefinition Read(JsonPart root, ReadOnlyMemory<byte> utf8, int minimumSize)
    {
        var model = root["model"].IsNull ? throw root["model"].Bad("is missing") : root["model"];
        var type = model["type"].TextOr(model["merges"].IsNull ? "(none given)" : "BPE")!;
        if (type != "BPE")
        {
            throw model["type"].Unsupported($"is \"{type}\"", "BPE");
        }

        foreach (var affix in new[] { "continuing_subword_prefix", "end_of_word_suffix" })
        {
            if (model[affix].TextOr("") is { Length: > 0 } text)
            {
                throw model[affix].Unsupported($"is \"{text}\"", "none");
            }
        }

        var ids = ReadVocabulary(model["vocab"]);
        var addedTokens = root["added_tokens"].Items().Select(ReadAddedToken).ToList();
        var (tokens, kinds) = Arrange(ids, addedTokens, minimumSize, root);
        var merges = ReadMerges(model["merges"]);
        var byteFallback = model["byte_fallback"].BooleanOr(false);
        var ignoresMerges = model["ignore_merges"].BooleanOr(false);
        int? unknownId = model["unk_token"].TextOr(null) is not { } unknown ? null
            : ids.TryGetValue(unknown, out var id) ? id
            : throw model["unk_token"].Bad($"is \"{unknown}\", which model.vocab lacks");
        MarkKinds(kinds, ids, byteFallback, unknownId, addedTokens);

        var normalizer = NormalizerReader.Read(root["normalizer"]);
        var stages = PreTokenizerReader.Read(root["pre_tokenizer"]).ToArray();
        var byteLevel = Array.Exists(stages, stage => stage is ByteLevelSplit);
        var decoder = DecoderReader.Read(root["decoder"], byteLevel);
        var merged = model["merges"].Path;
        var table = MergeTable.Build(merges, ids, merged);
        var gguf = WriteForm(stages, normalizer, ignoresMerges, byteLevel, tokens, merges, table, utf8);
        if (stages is [] or [MetaspaceSplit { Replacement: WordBoundarySplit.Mark }] && !ignoresMerges && ids.ContainsKey("▁")
            && WordBoundarySplit.IsExactFor(merges.Select(pair => pair.Left + pair.Right)))
        {
            stages = [.. stages, new WordBoundarySplit()];
        }

        var bos = PostProcessorReader.FindBos(root["post_processor"]);
        return new TokenizerDefinition
        {
            Tokens = tokens,
            Kinds = kinds,
            Bytes = tokens.Select((token, id) => decoder.BytesOf(token, kinds[id])).ToArray(),
            AddedTokens = addedTokens,
            Normalizer = normalizer,
            Stages = stages,
            Model = new BpeModel(new BpeOptions
            {
                VocabularySize = tokens.Length,
                Symbols = MergeTable.SingleCharacters(ids),
                Merges = table,
                MapsBytes = stages.Length > 0 && stages[^1] is ByteLevelSplit,
                ByteTokens = byteFallback ? MergeTable.ByteTokens(ids) : null,
                UnknownId = unknownId,
                FuseUnknown = model["fuse_unk"].BooleanOr(false),
                WholePieces = ignoresMerges
                    ? ids.Where(pair => kinds[pair.Value] != TokenKind.Control).ToDictionary(StringComparer.Ordinal)
                    : null,
            }),
            LeadingSpace = decoder.LeadingSpace,
            Gguf = gguf,
            BosId = bos is null ? null : ids.TryGetValue(bos, out var bosId) ? bosId : addedTokens.Find(token => token.Content == bos)?.Id,
            AddsBos = bos is not null,
            UnknownId = unknownId,
        };
    }

    private static GgufForm WriteForm(
        PreTokenizer[] stages, Normalizer? normalizer, bool ignoresMerges, bool byteLevel, string[] tokens,
        List<(string Left, string Right)> merges, Dictionary<ulong, Merge> table, ReadOnlyMemory<byte> utf8)
    {
        var row = byteLevel ? PreTokenizerTable.Find(stages, ignoresMerges) : null;
        var exact = row is not null && normalizer is null;
        var json = exact ? null : Encoding.UTF8.GetString(utf8.Span);
        if (byteLevel)
        {
            // A name that no reader knows is refused by all of them, which is better than wrong tokens; ours goes by the JSON.
            return new GgufForm("gpt2", row?.Names[0] ?? "tokenizer.huggingface.json",
                merges.ConvertAll(pair => $"{pair.Left} {pair.Right}").ToArray(), null, false, json);
        }

        // SentencePiece readers want scores: the earlier a token is made by a merge, the higher its score.
        var scores = new float[tokens.Length];
        Array.Fill(scores, -table.Count - 1f);
        foreach (var merge in table.Values)
        {
            scores[merge.Symbol] = Math.Max(scores[merge.Symbol], -merge.Rank - 1f);
        }

        return new GgufForm("llama", "default", null, scores, normalizer?.Signature.Contains("Prepend", StringComparison.Ordinal) ?? false,
            json);
    }

    private static Dictionary<string, int> ReadVocabulary(JsonPart vocabulary)
    {
        Dictionary<string, int> ids = new(StringComparer.Ordinal);
        foreach (var (token, value) in vocabulary.Members())
        {
            ids[token] = CheckId(value.Int32(), value, token);
        }

        return ids.Count > 0 ? ids : throw vocabulary.Bad("is empty");
    }

    private static int CheckId(int id, JsonPart place, string token) =>
        id is >= 0 and < LargestVocabulary ? id
            : throw place.Bad($"gives \"{token}\" the id {id}; ids from 0 to {LargestVocabulary - 1} are accepted");

    private static AddedToken ReadAddedToken(JsonPart part)
    {
        var content = part["content"].Text();
        return new AddedToken(
            CheckId(part["id"].Int32(), part["id"], content),
            content,
            part["special"].BooleanOr(false),
            part["single_word"].BooleanOr(false),
            part["lstrip"].BooleanOr(false),
            part["rstrip"].BooleanOr(false),
            part["normalized"].BooleanOr(true));
    }

    private static List<(string Left, string Right)> ReadMerges(JsonPart merges)
    {
        List<(string Left, string Right)> result = [];
        foreach (var merge in merges.Items())
        {
            if (merge.Kind == JsonValueKind.Array)
            {
                var pair = merge.Items().Select(part => part.Text()).ToArray();
                result.Add(pair.Length == 2 ? (pair[0], pair[1]) : throw merge.Bad("is not a pair"));
            }
            else
            {
                result.Add(MergeTable.Parse(merge.Text(), result.Count, merges.Path));
            }
        }

        return result;
    }

    private static (string[] Tokens, TokenKind[] Kinds) Arrange(Dictionary<string, int> ids, List<AddedToken> added, int minimumSize,
        JsonPart root)
    {
        var size = Math.Max(minimumSize, Math.Max(ids.Values.Max(), added.Select(token => token.Id).DefaultIfEmpty(0).Max()) + 1);
        var tokens = new string[size]; // null until given
        foreach (var (token, id) in ids)
        {
            tokens[id] = tokens[id] is null ? token
                : throw root["model"]["vocab"].Bad($"gives \"{token}\" the id {id} of \"{tokens[id]}\"");
        }

        foreach (var token in added)
        {
            // One spelling has one id: the reference implementation renumbers such tokens, and the model was not trained with that.
            if (ids.GetValueOrDefault(token.Content, token.Id) != token.Id || (tokens[token.Id] ?? token.Content) != token.Content)
            {
                throw root["added_tokens"].Bad($"gives \"{token.Content}\" the id {token.Id}, which contradicts model.vocab");
            }

            tokens[token.Id] = token.Content;
        }

        var kinds = new TokenKind[size];
        for (var id = 0; id < size; id++)
        {
            kinds[id] = tokens[id] is null ? TokenKind.Unused : TokenKind.Normal;
            tokens[id] ??= GgufVocabularyReader.Padding(id);
        }

        return (tokens, kinds);
    }

    private static void MarkKinds(TokenKind[] kinds, Dictionary<string, int> ids, bool byteFallback, int? unknownId, List<AddedToken> added)
    {
        foreach (var id in byteFallback ? MergeTable.ByteTokens(ids) : [])
        {
            if (id >= 0)
            {
                kinds[id] = TokenKind.Byte;
            }
        }

        foreach (var token in added)
        {
            kinds[token.Id] = token.Special ? TokenKind.Control : TokenKind.UserDefined;
        }

        if (unknownId is { } unknown)
        {
            kinds[unknown] = TokenKind.Unknown;
        }
    }

    private static void Apply(JsonPart config, TokenizerDefinition definition)
    {
        definition.BosId = IdOf(config["bos_token"], definition, required: true) ?? definition.BosId;
        definition.EosId = IdOf(config["eos_token"], definition, required: true);
        definition.PadId = IdOf(config["pad_token"], definition, required: false);
        definition.UnknownId = IdOf(config["unk_token"], definition, required: false) ?? definition.UnknownId;
        definition.AddsBos = config["add_bos_token"].BooleanOr(definition.AddsBos) && definition.BosId is not null;
    }

    // Written as a text or, by older versions, as an object with the text in "content".
    private static int? IdOf(JsonPart token, TokenizerDefinition definition, bool required)
    {
        var text = token.Kind == JsonValueKind.Object ? token["content"].Text() : token.TextOr(null);
        var id = text is null ? -1 : Array.IndexOf(definition.Tokens, text);
        return id >= 0 ? id
            : text is null || !required ? null
            : throw token.Bad($"is \"{text}\", which tokenizer.json lacks");
    }

    private static JsonDocument Parse(ReadOnlyMemory<byte> utf8, string name)
    {
        try
        {
            return JsonDocument.Parse(utf8.Span.StartsWith("\uFEFF"u8) ? utf8[3..] : utf8);
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"{name} is not valid JSON: {error.Message} Fetch the file again.", error);
        }
    }
}
