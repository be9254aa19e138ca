using MambaConnector.Io;

namespace MambaConnector.Tests.Io;

/// <summary>The checksum of files.</summary>
public sealed class Crc32CTests
{
    [Theory]
    [InlineData("123456789", 0xe3069283)]
    [InlineData("", 0)]
    [InlineData("The quick brown fox jumps over the lazy dog", 0x22620404)]
    public void ThePublishedValuesComeOutHoweverTheTextIsCut(string text, uint expected)
    {
        byte[] bytes = System.Text.Encoding.ASCII.GetBytes(text);
        for (int cut = 0; cut <= bytes.Length; cut++)
        {
            Assert.Equal(expected, Crc32C.Of(bytes.AsSpan(0, cut), bytes.AsSpan(cut)));
        }
    }
}
