using MambaConnector.Documents.Tests.Support;
using static MambaConnector.Documents.DocumentBlockKind;

namespace MambaConnector.Documents.Tests.Reading;

/// <summary>Plain text, as books and extracts of PDF have it.</summary>
public class TextDocumentTests
{
    private const string LongLine = "It was a bright cold day in the month of April, and all of the clocks were";

    [Fact]
    public async Task WrappedLinesAreOneParagraphAndOffsetsSpanThem()
    {
        string text = $"\uFEFF\n{LongLine}\r\n  striking thirteen – “so late”.  \r\n\r\nThe   next one.\n";
        List<DocumentBlock> blocks = await Blocks.ReadAsync(text);
        Assert.Equal([$"{LongLine} striking thirteen – “so late”.", "The next one."], blocks.Select(block => block.Text));
        Assert.All(blocks, block => Assert.Equal(Paragraph, block.Kind));
        Assert.Equal($"{LongLine}\r\n  striking thirteen – “so late”.", Blocks.SourceOf(text, blocks[0]));
        Assert.Equal("The   next one.", Blocks.SourceOf(text, blocks[1]));
    }

    [Fact]
    public async Task PartedWordsAreJoinedAndOthersAreNot()
    {
        List<DocumentBlock> blocks = await Blocks.ReadAsync(
            $"{LongLine} inter-\nnational and well known to those of New-\nYork, who would say no such thing.");
        Assert.Contains("clocks were international and", Assert.Single(blocks).Text, StringComparison.Ordinal);
        Assert.Contains("New- York", blocks[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ShortLinesStayLines()
    {
        const string verse = "Tyger Tyger, burning bright,\nIn the forests of the night;";
        List<DocumentBlock> blocks = await Blocks.ReadAsync($"{verse}\n\n- milk\n- bread,\n  brown\n- tea");
        Assert.Equal([verse, "- milk\n- bread, brown\n- tea"], blocks.Select(block => block.Text));
        Assert.Equal([Paragraph, List], blocks.Select(block => block.Kind));
    }

    [Theory]
    [InlineData("CHAPTER IV", 2)]
    [InlineData("CHAPTER I. In Which Morris Suspects", 2)]
    [InlineData("Chapter 12: The End", 2)]
    [InlineData("CHAPTER THE FIRST", 2)]
    [InlineData("BOOK TWO", 1)]
    [InlineData("PREFACE", 2)]
    [InlineData("Introduction", 2)]
    [InlineData("THE WRONG BOX", 2)]
    [InlineData("2.1 Methods and data", 3)]
    [InlineData("XIV.", 3)]
    [InlineData("A Title\n=======", 1)]
    [InlineData("A Title\n-------", 2)]
    public async Task HeadingsAreRecognised(string heading, int level)
    {
        List<DocumentBlock> blocks = await Blocks.ReadAsync($"Before it.\n\n{heading}\n\nBehind it.");
        Assert.Equal([Paragraph, Heading, Paragraph], blocks.Select(block => block.Kind));
        Assert.Equal(level, blocks[1].Level);
        Assert.Equal(heading.Split('\n')[0], blocks[1].Text);
    }

    [Theory]
    [InlineData("He said no.")]
    [InlineData("Part of it was lost")]
    [InlineData("R. L. S. L. O.")]
    [InlineData("1984 was a year, he said.")]
    [InlineData("DEAR SIR,")]
    [InlineData("J. FINSBURY")]
    public async Task OtherLinesAreNot(string line) => Assert.Equal(Paragraph, (await Blocks.ReadAsync(line)).Single().Kind);

    [Fact]
    public async Task BordersOfProjectGutenbergAreHeadings()
    {
        List<DocumentBlock> blocks = await Blocks.ReadAsync(
            "Licence.\n\n*** START OF THE PROJECT GUTENBERG EBOOK THE WRONG BOX ***\n\nText.");
        Assert.Equal(new DocumentBlock(Heading, 1, "START OF THE PROJECT GUTENBERG EBOOK THE WRONG BOX", 14, 64), blocks[1]);
    }

    [Fact]
    public async Task PagesOfPdfExtractsLoseTheirNumbersAndJoin()
    {
        List<DocumentBlock> blocks = await Blocks.ReadAsync(
            $"{LongLine} striking\n\n12\n\fthirteen at once. {LongLine}.\n\n- 13 -\n\n\fA page of its own.\n\n7\n\nIs a number.\f14\nThe end.");
        Assert.Equal(
            [$"{LongLine} striking thirteen at once. {LongLine}.", "A page of its own.", "7", "Is a number.", "The end."],
            blocks.Select(block => block.Text));
    }

    [Fact]
    public async Task InvalidBytesAreReplacedAndNulsDropped()
    {
        byte[] bytes = [.. "a\0b \xC3\xA9"u8, 0xFF, .. " c"u8, 0xE2, 0x82];
        DocumentBlock block = Assert.Single(await Blocks.ReadAsync(bytes));
        Assert.Equal("ab Ã©\uFFFD c\uFFFD", block.Text);
        Assert.Equal((0, bytes.Length), (block.Start, block.End));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Utf16IsReadAfterItsMark(bool bigEndian)
    {
        System.Text.UnicodeEncoding encoding = new(bigEndian, byteOrderMark: true);
        byte[] bytes = [.. encoding.GetPreamble(), .. encoding.GetBytes("Grüße 😀.\n\nZwei"), 0x41];
        List<DocumentBlock> blocks = await Blocks.ReadAsync(bytes);
        Assert.Equal(["Grüße 😀.", "Zwei\uFFFD"], blocks.Select(block => block.Text));
        Assert.Equal((2, 20), (blocks[0].Start, blocks[0].End));
    }

    [Theory]
    [InlineData(4096)]
    [InlineData(9000)]
    public async Task ALineMayBeginWithMuchWhiteSpace(int count)
    {
        string space = new(' ', count);
        List<DocumentBlock> blocks = await Blocks.ReadAsync($"One\n{space}two\n{space}\nThree.");
        Assert.Equal(["One\ntwo", "Three."], blocks.Select(block => block.Text));
    }

    [Fact]
    public async Task LongBlocksAreCutBehindSentences()
    {
        string text = string.Concat(Enumerable.Range(0, 200).Select(index => $"Sentence number {index} ends here. "));
        List<DocumentBlock> blocks = await Blocks.ReadAsync(text, maxLength: 256);
        Assert.All(blocks, block => Assert.True(block.Text.Length <= 256 && block.Text.EndsWith('.')));
        Assert.All(blocks, block => Assert.Equal(block.Text, Blocks.SourceOf(text, block)));
        Assert.Equal(text.TrimEnd(), string.Join(' ', blocks.Select(block => block.Text)));
    }

    [Fact]
    public async Task PairsAreNotCut()
    {
        string text = string.Concat(Enumerable.Repeat("😀", 5000));
        List<DocumentBlock> blocks = await Blocks.ReadAsync(text, maxLength: 257);
        Assert.Equal(text, string.Concat(blocks.Select(block => block.Text)));
        Assert.DoesNotContain(blocks, block => char.IsLowSurrogate(block.Text[0]));
    }
}
