using MambaConnector.Documents.Tests.Support;
using static MambaConnector.Documents.DocumentBlockKind;

namespace MambaConnector.Documents.Tests.Reading;

/// <summary>HTML.</summary>
public class HtmlDocumentTests
{
    [Fact]
    public async Task BlocksAreReadWithTheirPlaces()
    {
        const string source =
            """
            <!DOCTYPE html><html><head><title>A &lt;page&gt;</title><style>p { color: red }</style>
            <script>if (a < b && "</p>") { document.write("<p>no</p>"); }</script></head>
            <body><!-- a -- comment > --><h2 class="x>y">The <em>first</em>
            heading</h2><p>One&nbsp;&amp; two<br>three &unknown; &#x1F600; 1 < 2</p>
            <ul><li>one<li><p>two</p><ul><li>inner</ul></ul>
            <table><tr><th>a</th><th>b</th></tr><tr><td>1<td>2</tr></table>
            <blockquote><p>Said.</p></blockquote><pre>  x
              y</pre>The end.
            """;
        List<DocumentBlock> blocks = await Blocks.ReadAsync(source, DocumentFormat.Html);
        Assert.Equal(
            [
                (Heading, 1, "A <page>"), (Heading, 2, "The first heading"), (Paragraph, 0, "One & two\nthree &unknown; 😀 1 < 2"),
                (List, 0, "- one\n- two\n- inner"), (Table, 0, "a | b\n1 | 2"), (Quote, 0, "Said."), (Code, 0, "x\n  y"), (Paragraph, 0, "The end."),
            ],
            blocks.Select(block => (block.Kind, block.Level, block.Text)));
        Assert.Equal("A &lt;page&gt;", Blocks.SourceOf(source, blocks[0]));
        Assert.Equal("The <em>first</em>\nheading", Blocks.SourceOf(source, blocks[1]).ReplaceLineEndings("\n"));
    }

    [Theory]
    [InlineData("<div>")]
    [InlineData("<ul><li>")]
    [InlineData("<blockquote>")]
    [InlineData("<table><tr><td>")]
    [InlineData("</div>")]
    [InlineData("&amp;")]
    [InlineData("<!ENTITY a '&b;&b;'>")]
    [InlineData("<a x=1 ")]
    public async Task BombsCostNothing(string mark)
    {
        string bomb = string.Concat(Enumerable.Repeat(mark, 20_000)) + ">";
        List<DocumentBlock> blocks = await Blocks.ReadAsync(bomb + "<p>The end.</p>", DocumentFormat.Html);
        Assert.EndsWith("The end.", blocks[^1].Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<script>for (i=0;i<n; i++) {}</script>")]
    [InlineData("<script>if (a <b && c) x = '</scripts>' + '</p>';</script >")]
    [InlineData("<script>x <y' \"</script\n>")]
    [InlineData("<script src=/js/>if (a<b) {}</script>")]
    [InlineData("<style>a <b {}</stylish> /* < */</STYLE>")]
    [InlineData("<!-- a --!>")]
    [InlineData("<!-- a ---->")]
    [InlineData("<a href=/b/ >")]
    public async Task WhatIsNoTextEndsWhereItDoes(string markup)
    {
        List<DocumentBlock> blocks = await Blocks.ReadAsync($"<p>x</p>{markup}<p>The whole book.</p>", DocumentFormat.Html);
        Assert.Equal(["x", "The whole book."], blocks.Select(block => block.Text));
    }

    [Theory]
    [InlineData("&#147;a&#x94; &#150;&#128;", "\u201Ca\u201D \u2013\u20AC")]
    [InlineData("R&amp D &lt 3 &ampere", "R& D < 3 &ampere")]
    public async Task ReferencesAreReadAsTheyAreMeant(string source, string text) =>
        Assert.Equal(text, Assert.Single(await Blocks.ReadAsync($"<p>{source}</p>", DocumentFormat.Html)).Text);

    [Theory]
    [InlineData("<ul><li><li>a<li><li></li><li>b<li></ul>", "- a\n- b")]
    [InlineData("<ul><li><ul><li>a</ul><li></ul>", "- a")]
    [InlineData("<ul><li>a -<li>b</ul>", "- a -\n- b")]
    public async Task EmptyItemsAreLeftOut(string source, string text) =>
        Assert.Equal(text, Assert.Single(await Blocks.ReadAsync(source, DocumentFormat.Html)).Text);

    [Fact]
    public async Task WhatLooksLikeMarkupIsText()
    {
        List<DocumentBlock> blocks = await Blocks.ReadAsync("<p>a <3 b &c &; <", DocumentFormat.Html);
        Assert.Equal("a <3 b &c &; <", Assert.Single(blocks).Text);
    }
}
