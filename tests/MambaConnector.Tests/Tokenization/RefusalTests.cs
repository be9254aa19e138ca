using System.Text;
using System.Text.Json.Nodes;
using MambaConnector.Tokenization;

namespace MambaConnector.Tests.Tokenization;

/// <summary>Every bad or unsupported file is refused by the name of its part.</summary>
public sealed class RefusalTests
{
    public static TheoryData<string, string, string> BadJson() => new()
    {
        { "model.type", "\"Unigram\"", "tokenizer.json: model.type is \"Unigram\", which is not supported (supported: BPE)" },
        { "model", "null", "model is missing" },
        { "model.vocab", "[]", "model.vocab is not an object" },
        { "model.vocab", "{}", "model.vocab is empty" },
        { "model.vocab", "{\"a\": -1}", "\"a\" the id -1" },
        { "model.vocab", "{\"a\": 2000000000}", "\"a\" the id 2000000000" },
        { "model.vocab", "{\"a\": 1.5}", "model.vocab is not a whole number" },
        { "model.vocab", "{\"a\": 0, \"b\": 0}", "gives \"b\" the id 0 of \"a\"" },
        { "model.vocab", "{\"\\ud800\": 0}", "not valid Unicode" },
        { "model.merges", "[\"a\"]", "model.merges[0] is \"a\"" },
        { "model.merges", "[\"a b c\"]", "one space" },
        { "model.merges", "[[\"a\", \"b\", \"c\"]]", "model.merges[0] is not a pair" },
        { "model.merges", "[[\"a\", \"nope\"]]", "needs the token \"nope\"" },
        { "model.merges", "7", "model.merges is not an array" },
        { "model.unk_token", "\"nope\"", "model.unk_token is \"nope\"" },
        { "model.continuing_subword_prefix", "\"##\"", "continuing_subword_prefix is \"##\"" },
        { "model.end_of_word_suffix", "\"</w>\"", "end_of_word_suffix is \"</w>\"" },
        { "model.ignore_merges", "1", "ignore_merges is not true or false" },
        { "added_tokens", "[{\"id\": 3}]", "added_tokens[0].content is missing" },
        { "added_tokens", "[{\"id\": 1, \"content\": \"zz\"}]", "gives \"zz\" the id 1, which contradicts model.vocab" },
        { "normalizer", "{\"type\": \"Nmt\"}", "normalizer.type is \"Nmt\"" },
        { "normalizer", "{\"type\": \"Precompiled\"}", "normalizer.type is \"Precompiled\"" },
        { "normalizer", "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"BertNormalizer\"}]}",
            "normalizer.normalizers[0].type is \"BertNormalizer\"" },
        { "normalizer", "{\"type\": \"Replace\", \"pattern\": {\"String\": \"\"}, \"content\": \"\"}",
            "normalizer.pattern.String is empty" },
        { "pre_tokenizer", "{\"type\": \"UnicodeScripts\"}", "pre_tokenizer.type is \"UnicodeScripts\"" },
        { "pre_tokenizer", "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"\\\\p{Han}\"}, \"behavior\": \"Isolated\"}", "\\p{Han}" },
        { "pre_tokenizer", "{\"type\": \"Split\", \"pattern\": {\"Regex\": \"a\"}, \"behavior\": \"Glued\"}", "behavior is \"Glued\"" },
        { "pre_tokenizer", "{\"type\": \"Metaspace\", \"prepend_scheme\": \"last\"}", "prepend_scheme is \"last\"" },
        { "pre_tokenizer", "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"ByteLevel\"}, {\"type\": \"ByteLevel\"}]}",
            "2 ByteLevel stages" },
        { "decoder", "{\"type\": \"CTC\"}", "decoder.type is \"CTC\"" },
        { "decoder", "null", "decoder is missing" },
        { "decoder", "{\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}", "decoder strips something else" },
        { "post_processor", "{\"type\": \"BertProcessing\"}", "post_processor.type is \"BertProcessing\"" },
    };

    [Theory]
    [MemberData(nameof(BadJson))]
    public void TokenizerJsonIsRefusedByPart(string path, string value, string message)
    {
        var root = JsonNode.Parse(
            """
            {"model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}, "added_tokens": [],
             "pre_tokenizer": null, "normalizer": null, "post_processor": null, "decoder": {"type": "Fuse"}}
            """)!.AsObject();
        Assert.Equal([2], MambaTokenizer.FromTokenizerJson(Utf8(root.ToJsonString())).Encode("ab"));
        var parts = path.Split('.');
        var parent = parts.Length == 2 ? root[parts[0]]!.AsObject() : root;
        parent[parts[^1]] = "@";
        var json = root.ToJsonString().Replace("\"@\"", value, StringComparison.Ordinal);
        var error = Assert.Throws<InvalidDataException>(() => MambaTokenizer.FromTokenizerJson(Utf8(json)));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[1, 2")]
    [InlineData("PK")]
    public void WhatIsNoJsonIsRefused(string text) =>
        Assert.Contains("tokenizer.json is not valid JSON",
            Assert.Throws<InvalidDataException>(() => MambaTokenizer.FromTokenizerJson(Utf8(text))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("{", "tokenizer_config.json is not valid JSON")]
    [InlineData("{\"eos_token\": \"<nope>\"}", "tokenizer_config.json: eos_token is \"<nope>\", which tokenizer.json lacks")]
    [InlineData("{\"bos_token\": 5}", "tokenizer_config.json: bos_token is not a text")]
    public void TokenizerConfigIsRefusedByPart(string config, string message)
    {
        using var json = File.OpenRead(Fixture.PathOf("goldens/granite.tokenizer.json"));
        Assert.Contains(message, Assert.Throws<InvalidDataException>(() => MambaTokenizer.FromTokenizerJson(json, Utf8(config))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void EveryTruncationOfAFileIsRefused()
    {
        var file = File.ReadAllBytes(Fixture.PathOf("goldens/falcon.tokenizer.json"));
        for (var length = 0; length < file.Length - 2; length += 397)
        {
            Assert.Throws<InvalidDataException>(() => MambaTokenizer.FromTokenizerJson(new MemoryStream(file, 0, length)));
        }
    }

    public static TheoryData<string, object?, string> BadKeys() => new()
    {
        { "tokenizer.ggml.model", null, "no 'tokenizer.ggml.model'" },
        { "tokenizer.ggml.model", "t5", "tokenizer.ggml.model is 't5'" },
        { "tokenizer.ggml.pre", "chatglm-bpe", "tokenizer.ggml.pre is 'chatglm-bpe'" },
        { "tokenizer.ggml.tokens", null, "tokenizer.ggml.tokens is missing" },
        { "tokenizer.ggml.tokens", Array.Empty<string>(), "tokenizer.ggml.tokens is empty" },
        { "tokenizer.ggml.tokens", new[] { new string('a', 5000), "b", "ab" }, "tokenizer.ggml.tokens[0] has 5000 characters" },
        { "tokenizer.ggml.token_type", (int[])[1], "tokenizer.ggml.token_type has 1 integers for 3 tokens" },
        { "tokenizer.ggml.token_type", (int[])[1, 9, 1], "tokenizer.ggml.token_type[1] is 9" },
        { "tokenizer.ggml.token_type", (int[])[1, 6, 1], "tokenizer.ggml.tokens[1] is \"b\", marked as a byte" },
        { "tokenizer.ggml.merges", null, "tokenizer.ggml.merges is missing" },
        { "tokenizer.ggml.merges", (string[])["ab"], "tokenizer.ggml.merges[0] is \"ab\"" },
        { "tokenizer.ggml.merges", (string[])["a c"], "needs the token \"c\"" },
        { "tokenizer.ggml.eos_token_id", 3u, "tokenizer.ggml.eos_token_id is 3, but the vocabulary has 3 tokens" },
    };

    [Theory]
    [MemberData(nameof(BadKeys))]
    public void GgufVocabularyIsRefusedByKey(string key, object? value, string message)
    {
        var entries = Vocabulary();
        Assert.Equal([2], MambaTokenizer.FromMetadata(new ModelMetadata(entries)).Encode("ab"));
        entries.Remove(key);
        if (value is not null)
        {
            entries.Add(key, value);
        }

        var error = Assert.Throws<InvalidDataException>(() => MambaTokenizer.FromMetadata(new ModelMetadata(entries)));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SentencePieceWithoutScoresIsRefused()
    {
        var entries = Vocabulary();
        entries["tokenizer.ggml.model"] = "llama";
        Assert.Contains(
            "tokenizer.ggml.scores has no numbers for 3 tokens",
            Assert.Throws<InvalidDataException>(() => MambaTokenizer.FromMetadata(new ModelMetadata(entries))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void AnUnknownPreIsRefusedWithTheListOfTheKnownOnes()
    {
        var entries = Vocabulary();
        entries["tokenizer.ggml.pre"] = "nope";
        var error = Assert.Throws<InvalidDataException>(() => MambaTokenizer.FromMetadata(new ModelMetadata(entries)));
        Assert.All(PreTokenizerTable.AcceptedNames, name => Assert.Contains(name, error.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void DocumentationListsEveryAcceptedPre()
    {
        var documentation = File.ReadAllText(Path.Combine(Fixture.PathOf(""), "..", "..", "..", "..", "docs", "tokenizers.md"));
        Assert.All(PreTokenizerTable.AcceptedNames, name => Assert.Contains($"`{name}`", documentation, StringComparison.Ordinal));
        string[] promised =
            ["default", "gpt-2", "smollm", "starcoder", "refact", "mpt", "falcon", "llama-bpe", "llama3", "llama-v3", "deepseek-coder",
                "deepseek-llm", "granite"];
        Assert.All(promised, name => Assert.Contains(name, PreTokenizerTable.AcceptedNames));
    }

    private static Dictionary<string, object> Vocabulary() => new()
    {
        ["tokenizer.ggml.model"] = "gpt2",
        ["tokenizer.ggml.pre"] = "gpt-2",
        ["tokenizer.ggml.tokens"] = new[] { "a", "b", "ab" },
        ["tokenizer.ggml.merges"] = new[] { "a b" },
    };

    private static MemoryStream Utf8(string text) => new(Encoding.UTF8.GetBytes(text));
}
