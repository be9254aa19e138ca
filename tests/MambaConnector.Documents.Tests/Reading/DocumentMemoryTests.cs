using System.Text;
using MambaConnector.Documents.Tests.Support;

namespace MambaConnector.Documents.Tests.Reading;

/// <summary>Memory of the reader; nothing else runs meanwhile.</summary>
[Collection(nameof(DocumentMemoryTests))]
[CollectionDefinition(nameof(DocumentMemoryTests), DisableParallelization = true)]
public class DocumentMemoryTests
{
    [Theory]
    [InlineData(DocumentFormat.Text, "one endless line of words, ", 8)]
    [InlineData(DocumentFormat.Text, "x", 2)]
    [InlineData(DocumentFormat.Text, " ", 2)]
    [InlineData(DocumentFormat.Markdown, "one endless line of [words", 2)]
    [InlineData(DocumentFormat.Html, "<div><b>x</b>", 2)]
    [InlineData(DocumentFormat.Html, "<a b='", 2)]
    [InlineData(DocumentFormat.Html, "<li>", 2, "<ul>")]
    [InlineData(DocumentFormat.Html, "<br>", 2)]
    [InlineData(DocumentFormat.Html, "<td>", 2, "<table>")]
    [InlineData(DocumentFormat.Markdown, "\n", 2, "a")]
    [InlineData(DocumentFormat.Markdown, "a\n\n", 2, "<pre>")]
    public async Task MemoryDoesNotGrowWithTheDocument(DocumentFormat format, string pattern, int megabytes, string begin = "")
    {
        long length = (long)megabytes << 20;
        long interval = length / 8;
        long before = GC.GetTotalMemory(forceFullCollection: true);
        long most = 0;
        long measured = 0;
        long end = 0;
        await using RepeatedStream stream = new(Encoding.UTF8.GetBytes(pattern), length, Encoding.UTF8.GetBytes(begin), MeasureSometimes);
        await foreach (DocumentBlock block in DocumentReader.ReadAsync(stream, new DocumentReaderOptions { Format = format }))
        {
            Assert.InRange(block.Text.Length, 1, 65_536);
            end = block.End;
        }

        Measure();
        Assert.InRange(most, long.MinValue, 4L << 20);
        Assert.True(end <= begin.Length || end > length - 64);

        // While it is read: there may be no block before the end.
        void MeasureSometimes(long position)
        {
            if (position >= measured + interval)
            {
                measured = position;
                Measure();
            }
        }

        void Measure() => most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
    }
}
