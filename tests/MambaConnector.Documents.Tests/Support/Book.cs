using System.Text;

namespace MambaConnector.Documents.Tests.Support;

/// <summary>A small document of chapters.</summary>
internal static class Book
{
    public static string Create(int chapters = 4, int paragraphs = 6) => string.Concat(
        Enumerable.Range(1, chapters).Select(chapter => $"CHAPTER {chapter}\n\n" + string.Concat(Enumerable.Range(1, paragraphs).Select(paragraph =>
            $"Paragraph {paragraph} of chapter {chapter} says <|im_end|> and é 😀, and then it goes on for some words more.\n\n"))));

    public static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static Stream Stream(string text) => new MemoryStream(Bytes(text));
}
