using System.Text;
using MambaConnector.Tokenization;

namespace MambaConnector.Tests.Tokenization;

public sealed class MambaTokenizerTests
{
    private static readonly Lazy<MambaTokenizer> Chat = new(() =>
        MambaTokenizer.FromFile(Fixture.PathOf("mamba2-39m-chat/tokenizer.json")));

    private static readonly Lazy<MambaTokenizer> NeoX = new(() =>
        MambaTokenizer.FromMetadata(GgufFile.ReadMetadata(Fixture.PathOf("ggml-vocab-gpt-neox.gguf"))));

    private static readonly Lazy<MambaTokenizer> SentencePiece =
        new(() => MambaTokenizer.FromMetadata(GgufFile.ReadMetadata(Fixture.PathOf("ggml-vocab-llama-spm.gguf"))));

    [Fact]
    public void NamesAndNumbersOfTheChatModel()
    {
        var tokenizer = Chat.Value;
        Assert.Equal(16384, tokenizer.VocabularySize);
        Assert.Equal((0, 3, 1, null, false), (tokenizer.BosId, tokenizer.EosId, tokenizer.PadId, tokenizer.UnknownId, tokenizer.AddsBos));
        Assert.Equal("<|im_end|>", tokenizer.GetToken(3));
        Assert.True(tokenizer.IsSpecial(3));
        Assert.False(tokenizer.IsSpecial(4));
        Assert.True(tokenizer.TryGetId("Ġt", out var id));
        Assert.Equal(" t"u8.ToArray(), tokenizer.GetBytes(id).ToArray());
        Assert.False(tokenizer.TryGetId("no such token", out _));
    }

    [Fact]
    public void GptNeoXFileWithoutPreIsCutAsGpt2()
    {
        // Runs of spaces are added tokens; ids as the model's own tokenizer gives them (no normalizer in a GGUF file).
        var tokenizer = NeoX.Value;
        Assert.Equal([12092, 13, 1533, 2], tokenizer.Encode("Hello, world!"));
        Assert.Equal([66, 50274, 67], tokenizer.Encode("a    b"));
        Assert.Equal((0, 0, 0), (tokenizer.BosId, tokenizer.EosId, tokenizer.UnknownId));
        Assert.DoesNotContain(50431, tokenizer.Encode("[PAD50431]"));
        Assert.Equal("", tokenizer.Decode([50431]));
    }

    [Fact]
    public void SpecialTokensInTextArePlainTextUnlessAskedFor()
    {
        const string Text = "a<|im_end|>\n<|im_start|>system";
        var plain = Chat.Value.Encode(Text);
        Assert.DoesNotContain(plain, Chat.Value.IsSpecial);
        Assert.Equal(Text, Chat.Value.Decode(plain, skipSpecial: true));
        var parsed = Chat.Value.Encode(Text, parseSpecial: true);
        Assert.Equal(2, parsed.Count(Chat.Value.IsSpecial));
        Assert.Equal("a\nsystem", Chat.Value.Decode(parsed, skipSpecial: true));

        Assert.DoesNotContain(SentencePiece.Value.Encode("a<s>b</s><unk><0x0A>"), SentencePiece.Value.IsSpecial);
        Assert.Equal(3, SentencePiece.Value.Encode("a<s>b</s><unk><0x0A>", parseSpecial: true).Count(SentencePiece.Value.IsSpecial));
    }

    [Fact]
    public void BosIsPutInFrontWhenToldTo()
    {
        Assert.Equal([0, 68], Chat.Value.Encode("a", addBos: true));
        Assert.True(SentencePiece.Value.AddsBos);
        Assert.Equal([1, 15043], SentencePiece.Value.Encode("Hello", addBos: true));
        var bare = MambaTokenizer.FromTokenizerJson(File.OpenRead(Fixture.PathOf("goldens/granite.tokenizer.json")));
        Assert.Null(bare.BosId);
        Assert.Contains("BOS", Assert.Throws<InvalidOperationException>(() => bare.Encode("a", addBos: true)).Message,
            StringComparison.Ordinal);
        var template = MambaTokenizer.FromFile(Fixture.PathOf("goldens/llama3.tokenizer.json"));
        Assert.True(template.AddsBos);
        Assert.Equal("<|endoftext|>", template.GetToken(template.BosId!.Value));
    }

    [Fact]
    public void SpansCollectionsAndCountsAgree()
    {
        const string Text = "The quick brown fox.";
        var ids = Chat.Value.Encode(Text);
        List<int> list = [42];
        Chat.Value.Encode(Text.AsSpan(), list);
        Assert.Equal([42, .. ids], list);
        var linked = new LinkedList<int>();
        Chat.Value.Encode(Text.AsSpan(), linked);
        Assert.Equal(ids, linked);
        Assert.Equal(ids.Length, Chat.Value.CountTokens(Text));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(16384)]
    [InlineData(int.MaxValue)]
    public void IdsOutsideTheVocabularyAreNamed(int id)
    {
        var decoder = Chat.Value.CreateDecoder();
        Action[] calls =
        [
            () => Chat.Value.GetToken(id), () => Chat.Value.GetBytes(id), () => Chat.Value.IsSpecial(id), () =>
                Chat.Value.Decode([68, id]), () => decoder.Append(id),
        ];
        foreach (var call in calls)
        {
            var error = Assert.Throws<ArgumentOutOfRangeException>(call);
            Assert.Contains($"Token id {id} is not in the vocabulary of 16384 tokens", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void LoneSurrogatesCountAsTheReplacementCharacter()
    {
        foreach (var text in new[] { "\ud83d", "a\ude00b", "\ud83d\ud83d\ude00", "x\ud83d y", "\ude00\ud83d" })
        {
            var replaced = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
            Assert.Equal(Chat.Value.Encode(replaced), Chat.Value.Encode(text));
            Assert.Equal(replaced, Chat.Value.Decode(Chat.Value.Encode(text)));
        }
    }

    [Fact]
    public void ByteLevelAndSentencePieceVocabulariesGiveTextsBack()
    {
        var random = new Random(1);
        for (var i = 0; i < 3000; i++)
        {
            var text = RandomText.Next(random);
            foreach (var tokenizer in new[] { Chat.Value, NeoX.Value, SentencePiece.Value })
            {
                var ids = tokenizer.Encode(text);
                Assert.Equal(text.Replace('▁', tokenizer == SentencePiece.Value ? ' ' : '▁'), tokenizer.Decode(ids));
                Assert.DoesNotContain(ids, tokenizer.IsSpecial);
            }
        }
    }

    [Fact]
    public void LongRunsAreEncodedWhole()
    {
        Assert.Equal(1_000_000, NeoX.Value.Decode(NeoX.Value.Encode(new string('a', 1_000_000))).Length);
        foreach (var tokenizer in new[] { Chat.Value, NeoX.Value, SentencePiece.Value })
        {
            foreach (var unit in new[] { "a", " ", "\n", "7", "!", "日本", "😀", "ab  ", "  \u00a0" })
            {
                var text = string.Concat(Enumerable.Repeat(unit, 100_000 / unit.Length));
                Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
            }
        }
    }

    [Fact]
    public void WordsThatAreKnownAllocateNothingEach()
    {
        MambaTokenizer tokenizer = MambaTokenizer.FromFile(Fixture.PathOf("goldens/granite.tokenizer.json"));
        string few = " sea", many = string.Concat(Enumerable.Repeat(few, 100));
        List<int> ids = new(many.Length);
        Assert.Equal(Allocated(few), Allocated(many));

        long Allocated(string text)
        {
            tokenizer.Encode(text, ids);
            ids.Clear();
            long before = GC.GetAllocatedBytesForCurrentThread();
            tokenizer.Encode(text, ids);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    [Fact]
    public void ThreadsShareATokenizer()
    {
        var random = new Random(2);
        var texts = Enumerable.Range(0, 400).Select(_ => RandomText.Next(random, 40)).ToArray();
        var fresh = MambaTokenizer.FromFile(Fixture.PathOf("mamba2-39m-chat/tokenizer.json"));
        var expected = texts.Select(text => Chat.Value.Encode(text)).ToArray();
        Parallel.For(0, 4000, i => Assert.Equal(expected[i % texts.Length], fresh.Encode(texts[i % texts.Length])));
    }

    [Theory]
    [MemberData(nameof(GoldenTests.MadeTokenizers), MemberType = typeof(GoldenTests))]
    public void WrittenMetadataMakesTheSameTokenizer(string name) =>
        CheckWritten(MambaTokenizer.FromFile(Fixture.PathOf($"goldens/{name}.tokenizer.json")));

    [Fact]
    public void WrittenMetadataOfRealVocabulariesMakesTheSameTokenizer()
    {
        CheckWritten(NeoX.Value);
        CheckWritten(SentencePiece.Value);
        var written = CheckWritten(Chat.Value);
        Assert.Equal("smollm", written.GetString("tokenizer.ggml.pre"));
        Assert.Equal("gpt2", written.GetString("tokenizer.ggml.model"));
        Assert.Equal("Ġ t", written.GetStrings("tokenizer.ggml.merges")![0]);
        Assert.Equal(3, written.GetInt64("tokenizer.ggml.eos_token_id"));
        Assert.False(written.ContainsKey("tokenizer.huggingface.json"));
    }

    private static ModelMetadata CheckWritten(MambaTokenizer original)
    {
        var writer = new MetadataWriter();
        original.WriteMetadata(writer);
        var bytes = writer.ToArray();
        List<KeyValuePair<string, object>> records = [];
        for (var position = 0; position < bytes.Length;)
        {
            records.AddRange(GgufFile.ReadRecords(bytes, ref position, 1));
        }

        var metadata = new ModelMetadata(records);
        var copy = MambaTokenizer.FromMetadata(metadata);
        Assert.Equal(
            (original.VocabularySize, original.BosId, original.EosId, original.PadId, original.UnknownId, original.AddsBos),
            (copy.VocabularySize, copy.BosId, copy.EosId, copy.PadId, copy.UnknownId, copy.AddsBos));
        var random = new Random(3);
        for (var i = 0; i < 300; i++)
        {
            var text = RandomText.Next(random) + (i % 3 == 0 ? "<|endoftext|> best <s>" : "");
            Assert.Equal(original.Encode(text), copy.Encode(text));
            var ids = original.Encode(text, parseSpecial: true);
            Assert.Equal(ids, copy.Encode(text, parseSpecial: true));
            Assert.Equal(original.Decode(ids), copy.Decode(ids));
        }

        for (var id = 0; id < original.VocabularySize; id += 7)
        {
            Assert.Equal(original.GetToken(id), copy.GetToken(id));
            Assert.Equal(original.IsSpecial(id), copy.IsSpecial(id));
            Assert.True(original.GetBytes(id).SequenceEqual(copy.GetBytes(id)));
        }

        return metadata;
    }
}
