using System.Text.Json;
using MambaConnector.Tokenization;

namespace MambaConnector.Tests.Tokenization;

/// <summary>Ids and texts against those of the tokenizers' own implementations.</summary>
public sealed class GoldenTests
{
    [Theory]
    [InlineData("falcon")]
    [InlineData("gpt-2")]
    [InlineData("llama-spm")]
    [InlineData("starcoder")]
    public void GgufVocabularyGivesTheRecordedIds(string name)
    {
        var tokenizer = MambaTokenizer.FromMetadata(GgufFile.ReadMetadata(Fixture.PathOf($"ggml-vocab-{name}.gguf")));
        var texts = File.ReadAllText(Fixture.PathOf($"ggml-vocab-{name}.gguf.inp")).Split("\n__ggml_vocab_test__\n");
        var lines = File.ReadAllText(Fixture.PathOf($"ggml-vocab-{name}.gguf.out")).Split('\n');
        Assert.Equal(46, texts.Length - 1);
        for (var i = 0; i < 46; i++)
        {
            var expected = lines[i].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse).ToArray();
            var ids = tokenizer.Encode(texts[i]);
            Assert.True(expected.SequenceEqual(ids),
                $"text {i} \"{texts[i]}\": expected {string.Join(' ', expected)}, got {string.Join(' ', ids)}");
            Assert.Equal(texts[i], tokenizer.Decode(ids));
        }
    }

    [Fact]
    public void ChatModelGivesTheRecordedIdsAndTexts()
    {
        var tokenizer = MambaTokenizer.FromFile(Fixture.PathOf("mamba2-39m-chat/tokenizer.json"));
        using var goldens = JsonDocument.Parse(File.ReadAllBytes(Fixture.PathOf("mamba2-39m-chat/tokenizer-golden.json")));
        foreach (var golden in goldens.RootElement.EnumerateArray())
        {
            var ids = golden.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()).ToArray();
            Assert.Equal(ids, tokenizer.Encode(golden.GetProperty("text").GetString()!, parseSpecial: true));
            Assert.Equal(golden.GetProperty("decoded").GetString(), tokenizer.Decode(ids));
            Assert.Equal(golden.GetProperty("decoded_skip_special").GetString(), tokenizer.Decode(ids, skipSpecial: true));
        }
    }

    public static TheoryData<string> MadeTokenizers() =>
        [.. Directory.GetFiles(Fixture.PathOf("goldens"), "*.tokenizer.json").Select(path =>
            Path.GetFileName(path)[..^".tokenizer.json".Length]).Order()];

    [Theory]
    [MemberData(nameof(MadeTokenizers))]
    public void TokenizerJsonGivesWhatHuggingFaceGives(string name) =>
        CompareWithGoldens(MambaTokenizer.FromFile(Fixture.PathOf($"goldens/{name}.tokenizer.json")), name);

    [Theory]
    [InlineData("gpt-2", "neox")]
    [InlineData("llama-bpe", "llama3")]
    [InlineData("dbrx", "granite")]
    [InlineData("qwen2", "qwen2")]
    [InlineData("tekken", "tekken")]
    [InlineData("deepseek-llm", "deepseek-llm")]
    [InlineData("deepseek-coder", "deepseek-coder")]
    [InlineData("falcon", "falcon")]
    [InlineData("refact", "starcoder")]
    [InlineData("default", "default")]
    public void SameVocabularyAsGgufGivesWhatHuggingFaceGives(string pre, string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Fixture.PathOf($"goldens/{name}.tokenizer.json")));
        var vocabulary = json.RootElement.GetProperty("model").GetProperty("vocab").EnumerateObject().ToDictionary(entry =>
            entry.Value.GetInt32(), entry => entry.Name);
        var types = vocabulary.ToDictionary(entry => entry.Key, _ => 1);
        foreach (var added in json.RootElement.GetProperty("added_tokens").EnumerateArray())
        {
            vocabulary[added.GetProperty("id").GetInt32()] = added.GetProperty("content").GetString()!;
            types[added.GetProperty("id").GetInt32()] = added.GetProperty("special").GetBoolean() ? 3 : 4;
        }

        var merges = json.RootElement.GetProperty("model").GetProperty("merges").EnumerateArray().Select(merge =>
            $"{merge[0].GetString()} {merge[1].GetString()}");
        var tokenizer = MambaTokenizer.FromMetadata(new ModelMetadata(
        [
            new("tokenizer.ggml.model", "gpt2"),
            new("tokenizer.ggml.pre", pre),
            new("tokenizer.ggml.tokens", vocabulary.OrderBy(entry => entry.Key).Select(entry => entry.Value).ToArray()),
            new("tokenizer.ggml.token_type", types.OrderBy(entry => entry.Key).Select(entry => entry.Value).ToArray()),
            new("tokenizer.ggml.merges", merges.ToArray()),
        ]));

        // GGUF has no normalizer: texts that NFC changes are left out.
        var normalizes = json.RootElement.GetProperty("normalizer").ValueKind != JsonValueKind.Null;
        CompareWithGoldens(tokenizer, name, text =>
            !normalizes || new UnicodeForm(compatible: false, composes: true).Normalize(text) == text);
    }

    private static void CompareWithGoldens(MambaTokenizer tokenizer, string name, Func<string, bool>? takes = null)
    {
        var texts = JsonSerializer.Deserialize<string[]>(File.ReadAllBytes(Fixture.PathOf("goldens/texts.json")))!;
        using var goldens = JsonDocument.Parse(File.ReadAllBytes(Fixture.PathOf($"goldens/{name}.golden.json")));
        List<string> wrong = [];
        var index = 0;
        foreach (var golden in goldens.RootElement.EnumerateArray())
        {
            var text = texts[index++];
            if (takes is not null && !takes(text))
            {
                continue;
            }

            var expected = golden.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()).ToArray();
            var ids = tokenizer.Encode(text, parseSpecial: true);
            if (!expected.SequenceEqual(ids))
            {
                wrong.Add($"{JsonSerializer.Serialize(text)}\n  expected {Spell(expected)}\n  got      {Spell(ids)}");
            }

            if (golden.GetProperty("decoded").GetString() != tokenizer.Decode(expected)
                || golden.GetProperty("decoded_skip_special").GetString() != tokenizer.Decode(expected, skipSpecial: true))
            {
                wrong.Add($"decoding of {Spell(expected)}: expected {golden}, got {JsonSerializer.Serialize(tokenizer.Decode(expected))}");
            }
        }

        Assert.Equal(texts.Length, index);
        Assert.True(wrong.Count == 0, $"{wrong.Count} of {index} texts differ:\n{string.Join('\n', wrong)}");

        string Spell(int[] ids) => string.Join('|', ids.Select(tokenizer.GetToken));
    }
}
