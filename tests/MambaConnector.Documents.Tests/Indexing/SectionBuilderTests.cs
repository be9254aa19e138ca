using MambaConnector.Documents.Indexing;

namespace MambaConnector.Documents.Tests.Indexing;

/// <summary>Where sections begin.</summary>
public class SectionBuilderTests
{
    private const int Target = 1600;
    private const int Min = 16;

    [Fact]
    public void TinyChaptersShareASection()
    {
        List<DocumentSection> sections = Sections(chapters: 1000, tokens: 3);
        Assert.All(sections.SkipLast(1), section => Assert.InRange(section.TokenCount, Min, 2 * Min));
        Assert.StartsWith("Chapter 0 / Chapter 1 / ", sections[0].Title, StringComparison.Ordinal);
        Assert.StartsWith("Chapter 4 / ", sections[1].Title, StringComparison.Ordinal);
        Assert.All(sections, section => Assert.Equal((1, 1), (section.Level, section.Part)));
    }

    [Fact]
    public void LongerChaptersHaveTheirOwn()
    {
        List<DocumentSection> sections = Sections(chapters: 20, tokens: Min - 1);
        Assert.Equal(Enumerable.Range(0, 20).Select(chapter => $"Chapter {chapter}"), sections.Select(section => section.Title));
    }

    /// <summary>The sections of chapters that have a heading of one token and a paragraph.</summary>
    private static List<DocumentSection> Sections(int chapters, int tokens)
    {
        SectionBuilder builder = new(Target);
        List<DocumentSection> sections = [];
        for (int chapter = 0; chapter < chapters; chapter++)
        {
            Add(new DocumentBlock(DocumentBlockKind.Heading, 1, $"Chapter {chapter}", 2 * chapter, (2 * chapter) + 1), 1);
            Add(new DocumentBlock(DocumentBlockKind.Paragraph, 0, "Text.", (2 * chapter) + 1, (2 * chapter) + 2), tokens);
        }

        sections.Add(builder.ToSection(sections.Count, 0));
        return sections;

        void Add(DocumentBlock block, int count)
        {
            if (builder.EndsBefore(block, count))
            {
                sections.Add(builder.ToSection(sections.Count, 0));
                builder.Next();
            }

            builder.Add(block, new int[count], origin: 0);
        }
    }
}
