using System.Text.Json;

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
            Assert.True(expected.SequenceEqual(ids), $"text {i} \"{texts[i]}\": expected {string.Join(' ', expected)}, got {string.Join(' ', ids)}");
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
}
