using System.Text;
using FsCheck;
using FsCheck.Fluent;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Tokenization;

public sealed class TokenDecoderTests
{
    private static readonly Lazy<MambaTokenizer> Bytes = new(() =>
        MambaTokenizer.FromFile(Fixture.PathOf("goldens/granite.tokenizer.json")));

    [Fact]
    public void AnyBytesStreamToWhatUtf8MakesOfThem() => Prop.ForAll<byte[]>(bytes =>
    {
        TokenDecoder decoder = TestTokenizer.Create().CreateDecoder();
        string streamed = string.Concat(bytes.Select(value => decoder.Append(TestTokenizer.FirstByte + value))) + decoder.Flush();
        return streamed == Encoding.UTF8.GetString(bytes);
    }).Check(PropertyConfig.Of(100));

    [Fact]
    public void StreamEqualsWholeDecodeForAnyTokens()
    {
        var random = new Random(4);
        foreach (var name in new[] { "granite", "sentencepiece", "metaspace-first", "metaspace-always" })
        {
            var tokenizer = MambaTokenizer.FromFile(Fixture.PathOf($"goldens/{name}.tokenizer.json"));
            for (var round = 0; round < 2000; round++)
            {
                // Tokens at random: mostly bytes that are no UTF-8.
                var ids = Enumerable.Range(0, random.Next(30)).Select(_ =>
                    random.Next(random.Next(2) == 0 ? 256 : tokenizer.VocabularySize)).ToArray();
                var expected = WholeText(tokenizer, ids);
                Assert.Equal(expected, tokenizer.Decode(ids));
                var decoder = tokenizer.CreateDecoder(skipSpecial: false);
                string[] parts = [.. ids.Select(decoder.Append), decoder.Flush()];
                Assert.Equal(expected, string.Concat(parts));
                Assert.All(parts, part => Assert.False(
                    part.Length > 0 && (char.IsLowSurrogate(part[0]) || char.IsHighSurrogate(part[^1])), "half a surrogate pair"));
            }
        }
    }

    [Fact]
    public void ATokenOfWholeCharactersAllocatesNothing()
    {
        TokenDecoder decoder = Bytes.Value.CreateDecoder();
        int[] ids = Bytes.Value.Encode("The ship sails over the sea.");
        foreach (int id in ids)
        {
            decoder.Append(id);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int token = 0; token < 100; token++)
        {
            decoder.Append(ids[token % ids.Length]);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void ACharacterOfSeveralTokensAllocatesNothingOnceItIsKnown()
    {
        TokenDecoder decoder = Bytes.Value.CreateDecoder();
        int[] ids = [.. Encoding.UTF8.GetBytes("😀").Select(IdOfByte)];
        foreach (int id in ids)
        {
            decoder.Append(id);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int token = 0; token < 10 * ids.Length; token++)
        {
            decoder.Append(ids[token % ids.Length]);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void ALongTokenEndsACharacterThatWasBegun()
    {
        string letters = new('a', 300);
        MambaTokenizer tokenizer = TestTokenizer.CreateWith([letters], areSpecial: false);
        TokenDecoder decoder = tokenizer.CreateDecoder();
        Assert.Equal("", decoder.Append(TestTokenizer.FirstByte + 0xE6));
        Assert.Equal("\ufffd" + letters, decoder.Append(tokenizer.Encode(letters).Single()));
    }

    [Fact]
    public void CharactersAppearWithTheirLastByteAndNotBefore()
    {
        var decoder = Bytes.Value.CreateDecoder();
        var ids = Encoding.UTF8.GetBytes("é😀").Select(value => IdOfByte(value)).ToArray();
        Assert.Equal(["", "é", "", "", "", "😀"], ids.Select(decoder.Append));
        Assert.Equal("", decoder.Flush());
    }

    [Fact]
    public void BytesThatCannotBecomeACharacterAreNotWaitedFor()
    {
        var decoder = Bytes.Value.CreateDecoder();
        Assert.Equal("", decoder.Append(IdOfByte(0xF0)));
        Assert.Equal("\ufffdA", decoder.Append(IdOfByte((byte)'A')));
        Assert.Equal("\ufffd", decoder.Append(IdOfByte(0xFF)));
        Assert.Equal("", decoder.Append(IdOfByte(0xE6)));
        Assert.Equal("\ufffd", decoder.Flush());
        Assert.Equal("B", decoder.Append(IdOfByte((byte)'B')));
    }

    [Fact]
    public void ResetForgetsWhatIsHeldBack()
    {
        var decoder = Bytes.Value.CreateDecoder();
        decoder.Append(IdOfByte(0xE6));
        decoder.Reset();
        Assert.Equal("C", decoder.Append(IdOfByte((byte)'C')));
        Assert.Equal("", decoder.Flush());
    }

    [Fact]
    public void SpecialTokensAreSkippedOnRequestAndBreakNoCharacter()
    {
        var special = Bytes.Value.Encode("<|endoftext|>", parseSpecial: true).Single();
        int[] ids = [IdOfByte(0xC3), special, IdOfByte(0xA9)];
        var decoder = Bytes.Value.CreateDecoder(skipSpecial: true);
        Assert.Equal(["", "", "é"], ids.Select(decoder.Append));
        Assert.Equal("\ufffd<|endoftext|>\ufffd", Bytes.Value.Decode(ids));
    }

    private static int IdOfByte(byte value) =>
        Enumerable.Range(0, 256).Single(id => Bytes.Value.GetBytes(id).SequenceEqual([value]));

    // All bytes put together and decoded once. These vocabularies drop one space, or those of the first token.
    private static string WholeText(MambaTokenizer tokenizer, int[] ids)
    {
        var bytes = ids.SelectMany(id => tokenizer.GetBytes(id).ToArray()).ToArray();
        var drop = 0;
        if (tokenizer.VocabularySize == 825 && bytes is [(byte)' ', ..])
        {
            drop = 1;
        }
        else if (tokenizer.VocabularySize == 569 && ids.Length > 0)
        {
            drop = tokenizer.GetBytes(ids[0]).Length - tokenizer.GetBytes(ids[0]).TrimStart((byte)' ').Length;
        }

        return Encoding.UTF8.GetString(bytes.AsSpan(drop));
    }
}
