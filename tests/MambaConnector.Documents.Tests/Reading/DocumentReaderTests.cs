using System.Text;
using FsCheck;
using FsCheck.Fluent;
using MambaConnector.Documents.Tests.Support;
using MambaConnector.Tests.Support;

namespace MambaConnector.Documents.Tests.Reading;

/// <summary>What holds for every format.</summary>
public class DocumentReaderTests
{
    private static readonly string[] _pieces =
    [
        "\n", "\n\n", "\r", "\f", " ", "    ", "\t", "word ", "Word. ", "-", "a-\nb", "é", "😀", "\0", "\uFEFF", "\u00AD", "12", "CHAPTER I",
        "===\n", "1. ", "- ", "# ", "> ", "```\n", "`", "*", "=", "[a](b)", "| a | b |\n", "|---|---|\n", "<p>", "</p>", "<ul><li>",
        "<table><tr><td>", "</table>", "<pre>", "</pre>", "<script>", "</script>", "<!--", "-->", "<h1>", "</h1>", "<a href='x'>", "&amp;", "&#65;",
        "<", "&", "<br>", "\"", "'", "\r\n",
    ];

    public static TheoryData<DocumentFormat> Formats => [DocumentFormat.Auto, DocumentFormat.Text, DocumentFormat.Markdown, DocumentFormat.Html];

    [Theory]
    [MemberData(nameof(Formats))]
    public void BlocksFollowFromTheBytesAlone(DocumentFormat format)
    {
        Gen<byte[]> part = Gen.Frequency(
            (20, Gen.Elements(_pieces).Select(Encoding.UTF8.GetBytes)),
            (1, Gen.Choose(0, 255).Select(value => new[] { (byte)value })),
            (1, Gen.Constant(Encoding.UTF8.GetBytes(new string('x', 300)))));
        Gen<byte[]> document = part.ArrayOf().Select(parts => parts.SelectMany(bytes => bytes).ToArray());
        Prop.ForAll(document.ToArbitrary(), Gen.Choose(1, 17).ToArbitrary(), (bytes, piece) =>
        {
            List<DocumentBlock> whole = Blocks.ReadAsync(bytes, format, 256).Result;
            Assert.Equal(whole, Blocks.ReadAsync(bytes, format, 256, piece).Result);
            long end = 0;
            foreach (DocumentBlock block in whole)
            {
                Assert.InRange(block.Text.Length, 1, 256);
                Assert.DoesNotContain('\0', block.Text);
                Assert.Equal(block.Text.Trim(), block.Text);
                Assert.InRange(block.Start, end, block.End);
                Assert.InRange(block.End, block.Start, bytes.Length);
                end = block.Start;
            }
        }).Check(PropertyConfig.Of(80));
    }

    [Theory]
    [InlineData("<!DOCTYPE html><p>x", DocumentBlockKind.Paragraph, "x")]
    [InlineData("# Title\n\n- a\n", DocumentBlockKind.Heading, "Title")]
    [InlineData("# a line\n\nwith one mark", DocumentBlockKind.Paragraph, "# a line")]
    [InlineData("CHAPTER I\n\nText.", DocumentBlockKind.Heading, "CHAPTER I")]
    [InlineData("<!-- no -->\n<!DOCTYPE html><p>Text.", DocumentBlockKind.Paragraph, "Text.")]
    [InlineData("<!-- no -->\n# Title\n\nText.", DocumentBlockKind.Heading, "Title")]
    [InlineData("<h1>Title</h1>\n\n## Use\n\n- one\n- two", DocumentBlockKind.Heading, "Title")]
    public async Task TheFormatIsFound(string text, DocumentBlockKind kind, string first)
    {
        DocumentBlock block = (await Blocks.ReadAsync(text, DocumentFormat.Auto))[0];
        Assert.Equal((kind, first), (block.Kind, block.Text));
    }

    [Fact]
    public async Task NothingIsNoBlock()
    {
        Assert.Empty(await Blocks.ReadAsync(""));
        Assert.Empty(await Blocks.ReadAsync(" \n\0\f\n", DocumentFormat.Markdown));
        Assert.Empty(await Blocks.ReadAsync("<p> </p><script>", DocumentFormat.Html));
    }

    [Fact]
    public void OptionsOutOfRangeAreRefused()
    {
        foreach (DocumentReaderOptions options in (DocumentReaderOptions[])[new() { MaxBlockLength = 255 }, new() { Format = (DocumentFormat)9 }])
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => DocumentReader.ReadAsync(Stream.Null, options));
        }
    }

    [Fact]
    public async Task ReadingEndsWhenItIsCancelled()
    {
        using CancellationTokenSource source = new();
        await using RepeatedStream stream = new("A word. "u8.ToArray(), long.MaxValue);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (DocumentBlock block in DocumentReader.ReadAsync(stream, cancellationToken: source.Token))
            {
                await source.CancelAsync();
            }
        });
    }
}
