using MambaConnector.Cli.Retrieval;

namespace MambaConnector.Cli.Tests.Retrieval;

public sealed class RetrievalTextTests
{
    private static readonly MambaTokenizer _tokenizer = MambaModel.LoadTokenizer(MambaConnector.Models.Mamba2Chat.Path);
    private static readonly RetrievalTask _task = new("The key is {key}. Yes, {key}.", "What is the key?");

    [Fact]
    public void ParagraphsAreJoinedLinesAndBooksFollowEachOther()
    {
        RetrievalText text = new(Encode, ["\n\nOne\r\nline.\r\n \t\r\n\r\nTwo.", "Three,\n  indented.\n"]);

        int[] expected = [.. Encode("One line."), .. Encode("Two."), .. Encode("Three, indented."), .. Encode("One line.")];
        Assert.Equal(expected, text.Read(0, expected.Length));
        Assert.Equal(text.Read(0, 12), text.Read(3, 12));
        Assert.Equal(expected.Length - Encode("One line.").Length, text.TokenCount);
    }

    [Theory]
    [InlineData(200, 0)]
    [InlineData(200, 4)]
    [InlineData(1000, 2)]
    public void ADocumentFillsItsLengthAndHasTheKeyAtItsDepth(int length, int depth)
    {
        const int Around = 30, Depths = 5;
        RetrievalText text = Numbered();

        RetrievalDocument document = text.Create(_task, length, Around, depth, Depths, 1, 7);

        int hidden = document.Paragraphs.ToList().FindIndex(paragraph => paragraph.Text == _task.Say(document.Key));
        int tokens = document.Paragraphs.Sum(paragraph => paragraph.Tokens);
        int longest = document.Paragraphs.Max(paragraph => paragraph.Tokens);
        Assert.InRange(tokens, length - Around - longest, length - Around);
        double before = document.Paragraphs.Take(hidden).Sum(paragraph => paragraph.Tokens);
        double wanted = (depth + 0.5) / Depths * (tokens - document.Paragraphs[hidden].Tokens);
        Assert.InRange(before, wanted - longest, wanted + longest);
        Assert.Equal((depth + 0.5) / Depths, document.Depth);
        Assert.All(document.Paragraphs, paragraph => Assert.Equal(Encode(paragraph.Text).Length, paragraph.Tokens));
    }

    [Fact]
    public void TheSameSeedMakesTheSameDocumentAndEverythingElseAnother()
    {
        RetrievalText text = Numbered();
        RetrievalDocument[] documents =
        [
            text.Create(_task, 300, 0, 1, 5, 0, 7), text.Create(_task, 301, 0, 1, 5, 0, 7), text.Create(_task, 300, 0, 2, 5, 0, 7),
            text.Create(_task, 300, 0, 1, 5, 1, 7), text.Create(_task, 300, 0, 1, 5, 0, 8),
        ];

        Assert.Equal(5, documents.Select(document => document.Key).Distinct().Count());
        RetrievalDocument again = text.Create(_task, 300, 0, 1, 5, 0, 7);
        Assert.Equal(RetrievalDocument.ToText(documents[0].Paragraphs), RetrievalDocument.ToText(again.Paragraphs));
    }

    [Fact]
    public void ThePiecesAreTheWholeAndTheTailIsItsEnd()
    {
        RetrievalDocument document = Numbered().Create(_task, 500, 0, 2, 5, 0, 7);
        string whole = RetrievalDocument.ToText(document.Paragraphs);

        IReadOnlyList<RetrievalParagraph>[] pieces = [.. document.Cut(100)];

        Assert.Equal(document.Paragraphs, pieces.SelectMany(piece => piece));
        Assert.InRange(pieces.Length, 5, 7);
        Assert.All(pieces, piece => Assert.InRange(piece.Sum(paragraph => paragraph.Tokens), 1, 100));
        Assert.Equal(document.Paragraphs.Count, document.Cut(1).Count());
        string tail = document.Tail(100);
        Assert.EndsWith(tail, whole, StringComparison.Ordinal);
        Assert.InRange(tail.Length, whole.Length / 7, whole.Length / 5);
        Assert.Equal(whole, document.Tail(500));
        Assert.Equal("", document.Tail(0));
    }

    [Fact]
    public void WhatHasNoRoomForTextIsRefused()
    {
        Assert.Throws<InvalidDataException>(() => new RetrievalText(Encode, [" \n\n "]));
        Assert.Throws<UsageException>(() => Numbered().Create(_task, 40, 30, 0, 1, 0, 7));
    }

    [Theory]
    [InlineData("The key is 00042.", true)]
    [InlineData("00042", true)]
    [InlineData("The key is 42.", false)]
    [InlineData("", false)]
    public void AnAnswerIsRightIfItHoldsAllDigits(string answer, bool isFound) => Assert.Equal(isFound, RetrievalTask.IsFound(42, answer));

    private static int[] Encode(string paragraph) => _tokenizer.Encode($"{paragraph}\n\n", parseSpecial: false, addBos: false);

    private static RetrievalText Numbered() =>
        new(Encode, [string.Join("\n\n", Enumerable.Range(0, 40).Select(number => $"Paragraph {number} of a book says nothing at all."))]);
}
