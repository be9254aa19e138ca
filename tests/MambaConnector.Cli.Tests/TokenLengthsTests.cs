namespace MambaConnector.Cli.Tests;

public sealed class TokenLengthsTests
{
    [Theory]
    [InlineData("512", new long[] { 512 })]
    [InlineData("8k", new long[] { 8192 })]
    [InlineData("1M, 512", new long[] { 512, 1048576 })]
    [InlineData("1k..8k", new long[] { 1024, 2048, 4096, 8192 })]
    [InlineData("1k,2k,..,8k", new long[] { 1024, 2048, 4096, 8192 })]
    [InlineData("1k,4k,..,100k", new long[] { 1024, 4096, 16384, 65536, 102400 })]
    [InlineData("100..300,1k", new long[] { 100, 200, 300, 1024 })]
    public void ListsAreRead(string text, long[] lengths) => Assert.Equal(lengths, TokenLengths.TryParseList(text));

    [Theory]
    [InlineData("")]
    [InlineData("..8k")]
    [InlineData("8k..")]
    [InlineData("1k,x")]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("9223372036854775807M")]
    public void OtherTextIsNone(string text) => Assert.Null(TokenLengths.TryParseList(text));

    [Theory]
    [InlineData(1000, "1000")]
    [InlineData(1536, "1536")]
    [InlineData(8192, "8K")]
    [InlineData(1048576, "1M")]
    public void LengthsAreWrittenShort(long length, string text) => Assert.Equal(text, TokenLengths.Format(length));
}
