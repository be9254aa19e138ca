using System.Text;

namespace MambaConnector.Documents.Tests.Support;

/// <summary>Reads documents that tests write down.</summary>
internal static class Blocks
{
    public static Task<List<DocumentBlock>> ReadAsync(string text, DocumentFormat format = DocumentFormat.Text, int maxLength = 65_536) =>
        ReadAsync(Encoding.UTF8.GetBytes(text), format, maxLength);

    public static Task<List<DocumentBlock>> ReadAsync(
        byte[] bytes, DocumentFormat format = DocumentFormat.Text, int maxLength = 65_536, int piece = int.MaxValue) =>
        ReadAsync(new PieceStream(bytes, piece), format, maxLength);

    public static async Task<List<DocumentBlock>> ReadAsync(Stream stream, DocumentFormat format, int maxLength)
    {
        List<DocumentBlock> blocks = [];
        DocumentReaderOptions options = new() { Format = format, MaxBlockLength = maxLength };
        await foreach (DocumentBlock block in DocumentReader.ReadAsync(stream, options))
        {
            blocks.Add(block);
        }

        return blocks;
    }

    /// <summary>What a block's offsets span.</summary>
    public static string SourceOf(string text, DocumentBlock block) => SourceOf(text, block.Start, block.End);

    /// <summary>What stands between two offsets.</summary>
    public static string SourceOf(string text, long start, long end) =>
        Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text).AsSpan((int)start, (int)(end - start)));
}
