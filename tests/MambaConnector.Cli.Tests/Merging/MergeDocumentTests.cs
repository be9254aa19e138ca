using MambaConnector.Cli.Merging;
using MambaConnector.Cli.Retrieval;

namespace MambaConnector.Cli.Tests.Merging;

public sealed class MergeDocumentTests
{
    private static readonly RetrievalTask _task = new("The key is {key}. Yes, {key}.", "What is the key?");

    // A token a character, and paragraphs of all lengths: those that are longer than half a part fill no part.
    private static readonly RetrievalText _text =
        new(Encode, [string.Join("\n\n", Enumerable.Range(0, 40).Select(number => new string('a', 10 + (number * 13 % 50))))]);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    [InlineData(256)]
    public void ThereAreSoManyPartsAndTheKeyIsWholeInOne(int count)
    {
        const int PartTokens = 100, Samples = 16;
        for (int sample = 0; sample < Samples; sample++)
        {
            RetrievalDocument document = _text.Create(_task, count * PartTokens, 0, sample, Samples, sample, 3);

            MergeDocument cut = MergeDocument.Cut(document, _task, Encode, count);

            Assert.Equal(count, cut.Parts.Count);
            Assert.Equal(Encode(document), cut.Parts.SelectMany(part => part));
            Assert.Contains(_task.Say(document.Key), string.Concat(cut.Parts[cut.Own].Select(token => (char)token)), StringComparison.Ordinal);
            double mean = cut.Parts.Average(part => part.Length), most = Encode(_task.Say(document.Key)).Length;
            Assert.All(cut.Parts, part => Assert.InRange(part.Length, mean - most, mean + most));
        }
    }

    [Fact]
    public void AKeyThatIsLongerThanAPartIsRefused() =>
        Assert.Throws<UsageException>(() => MergeDocument.Cut(_text.Create(_task, 200, 0, 0, 1, 0, 3), _task, Encode, 8));

    private static int[] Encode(string paragraph) => [.. $"{paragraph}\n\n".Select(character => (int)character)];

    private static int[] Encode(RetrievalDocument document) => [.. document.Paragraphs.SelectMany(paragraph => Encode(paragraph.Text))];
}
