using System.Runtime.CompilerServices;
using MambaConnector.Documents.Reading;

namespace MambaConnector.Documents;

/// <summary>Reads documents of any size as blocks of plain text.</summary>
public static class DocumentReader
{
    private const int PieceBytes = 32 * 1024;

    /// <summary>Reads a document from a stream, once and forwards. Memory does not grow with the document, whatever is in it. The blocks follow from
    /// the bytes alone, not from the pieces in which the stream gives them.</summary>
    /// <param name="document">Read from its position to its end, which offsets count from; left open. UTF-8, or UTF-16 with a byte order mark: what
    /// is neither becomes U+FFFD. NULs and other control characters that are no white space are dropped.</param>
    /// <param name="options">How it is read; null: as <see cref="DocumentReaderOptions"/> begins.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public static IAsyncEnumerable<DocumentBlock> ReadAsync(
        Stream document, DocumentReaderOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(document);
        options ??= new DocumentReaderOptions();
        options.Check();
        return RunAsync(document, options, cancellationToken);
    }

    private static async IAsyncEnumerable<DocumentBlock> RunAsync(
        Stream document, DocumentReaderOptions options, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        SourceDecoder decoder = new();
        SourceText text = new();
        BlockSink sink = new(options.MaxBlockLength);
        BlockParser? parser = null;
        byte[] bytes = new byte[PieceBytes];
        int count;
        do
        {
            count = await document.ReadAsync(bytes, cancellationToken).ConfigureAwait(false);
            decoder.Decode(bytes.AsSpan(0, count), isLast: count == 0, text);
            if (parser is null && text.Count < FormatDetector.HeadLength && count > 0)
            {
                continue;
            }

            parser ??= CreateParser(options.Format == DocumentFormat.Auto ? FormatDetector.Detect(text.Chars) : options.Format, sink);
            parser.Add(text);
            text.Clear();
            if (count == 0)
            {
                parser.End();
            }

            while (sink.TryTake(out DocumentBlock? block))
            {
                yield return block;
            }
        }
        while (count > 0);
    }

    private static BlockParser CreateParser(DocumentFormat format, BlockSink sink) => format switch
    {
        DocumentFormat.Html => new HtmlParser(sink),
        DocumentFormat.Markdown => new MarkdownParser(sink),
        _ => new TextParser(sink),
    };
}
