using MambaConnector.Documents.Tests.Support;
using static MambaConnector.Documents.DocumentBlockKind;

namespace MambaConnector.Documents.Tests.Reading;

/// <summary>Markdown.</summary>
public class MarkdownDocumentTests
{
    private const string Source =
        """
        # The *title* &amp; more

        A paragraph with **bold**, `code`, a [link](http://example.com "t")
        and <b>markup</b>.

        - one
        - two

          with more
          1. nested

        - three

        > Quoted
        > twice.

        ```csharp
        # no heading

        int x;
        ```

        | a | b |
        |---|---|
        | 1 | 2 |

        <div>Some <i>HTML</i>.</div>

        Second heading
        --------------

        End.
        """;

    [Fact]
    public async Task BlocksAreReadWithTheirPlaces()
    {
        List<DocumentBlock> blocks = await Blocks.ReadAsync(Source, DocumentFormat.Markdown);
        Assert.Equal(
            [
                (Heading, 1, "The title & more"), (Paragraph, 0, "A paragraph with bold, code, a link and markup."),
                (List, 0, "- one\n- two\nwith more\n  1. nested\n- three"), (Quote, 0, "Quoted twice."), (Code, 0, "# no heading\n\nint x;"),
                (Table, 0, "a | b\n1 | 2"), (Paragraph, 0, "Some HTML."), (Heading, 2, "Second heading"), (Paragraph, 0, "End."),
            ],
            blocks.Select(block => (block.Kind, block.Level, block.Text)));
        Assert.Equal("The *title* &amp; more", Blocks.SourceOf(Source, blocks[0]));
        Assert.Equal("# no heading\n\nint x;", Blocks.SourceOf(Source, blocks[4]));
        Assert.Equal("Second heading", Blocks.SourceOf(Source, blocks[7]));
    }

    [Theory]
    [InlineData(">")]
    [InlineData("- ")]
    [InlineData("[")]
    [InlineData("![](")]
    [InlineData("*a ")]
    [InlineData("`")]
    [InlineData("<a ")]
    [InlineData("| ")]
    [InlineData("&#x")]
    [InlineData("\\")]
    public async Task DeepNestingAndBombsAreReadAsTheyStand(string mark)
    {
        string bomb = string.Concat(Enumerable.Repeat(mark, 6_000 / mark.Length));
        List<DocumentBlock> blocks = await Blocks.ReadAsync(bomb + "\n\nThe end.", DocumentFormat.Markdown);
        Assert.Equal("The end.", blocks[^1].Text);
    }

    [Fact]
    public async Task AFenceThatIsNeverClosedIsCode()
    {
        string code = string.Concat(Enumerable.Repeat("x = 1\n", 5000));
        List<DocumentBlock> blocks = await Blocks.ReadAsync("~~~\n" + code, DocumentFormat.Markdown, 1024);
        Assert.All(blocks, block => Assert.Equal(Code, block.Kind));
        Assert.Equal(30_000, blocks.Sum(block => block.Text.Length + 1));
    }

    [Theory]
    [InlineData("<!--\n\nHidden.\n\nToo.\n-->")]
    [InlineData("<!-- a\n# Hidden\n\n```\nToo. -->")]
    [InlineData("<script>\nlet a = '<p>';\n\nlet hidden;\n</script>")]
    [InlineData("  <STYLE\ntype='x'>\n\np { }\n</style>")]
    [InlineData("<textarea>\n\nHidden.\n\n</textarea>")]
    [InlineData("<?php\n\n$hidden = 1;\n?>")]
    [InlineData("<!DOCTYPE html\n\nHidden\n>")]
    public async Task BlankLinesDoNotEndWhatIsHidden(string hidden)
    {
        List<DocumentBlock> blocks = await Blocks.ReadAsync($"One.\n{hidden}\nTwo.\n\n# Three", DocumentFormat.Markdown);
        Assert.Equal([(Paragraph, "One."), (Paragraph, "Two."), (Heading, "Three")], blocks.Select(block => (block.Kind, block.Text)));
    }

    [Theory]
    [InlineData("- a\n\n      - b\n\n    <!-- Hidden.\n\n    Too. -->\n")]
    [InlineData("> a\n>\n> <!-- Hidden.\n>\n> Too. -->\n")]
    public async Task CommentsInListsAndQuotesAreHidden(string source)
    {
        List<DocumentBlock> blocks = await Blocks.ReadAsync(source + "\nEnd.", DocumentFormat.Markdown);
        Assert.DoesNotContain(blocks, block => block.Text.Contains("Hidden", StringComparison.Ordinal));
        Assert.Equal("End.", blocks[^1].Text);
    }

    [Fact]
    public async Task PreformattedTextKeepsItsBlankLines()
    {
        List<DocumentBlock> blocks = await Blocks.ReadAsync("<pre>\na *b*\n\n# c\n</pre>\nEnd.", DocumentFormat.Markdown);
        Assert.Equal(["a *b*\n\n# c", "End."], blocks.Select(block => block.Text));
    }

    [Theory]
    [InlineData(4090)]
    [InlineData(4095)]
    [InlineData(20_000)]
    public async Task TheEndOfACommentIsFoundAcrossPiecesOfALongLine(int length)
    {
        List<DocumentBlock> blocks = await Blocks.ReadAsync($"<!--{new string('x', length)}-->\nEnd.", DocumentFormat.Markdown);
        Assert.Equal("End.", Assert.Single(blocks).Text);
    }
}
