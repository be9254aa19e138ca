using System.Text;
using FsCheck;
using FsCheck.Fluent;
using MambaConnector.Generation;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.Generation;

/// <summary>Stop sequences across pieces of text.</summary>
public class StopMatcherTests
{
    [Fact]
    public void HoldsBackWhatMayBecomeAMatch()
    {
        StopMatcher matcher = new(["STOP"]);
        Assert.Equal("ab", matcher.Append("abST"));
        Assert.Equal("", matcher.Append("O"));
        Assert.Equal("STOx", matcher.Append("x"));
        Assert.False(matcher.IsMatched);
    }

    [Fact]
    public void CutsTheMatchAndWhatFollows()
    {
        StopMatcher matcher = new(["STOP"]);
        Assert.Equal("ab", matcher.Append("abST"));
        Assert.Equal("", matcher.Append("OPcd"));
        Assert.True(matcher.IsMatched);
        Assert.Equal(2, matcher.MatchStart);
        Assert.Equal("", matcher.Append("more"));
        Assert.Equal("", matcher.Flush());
    }

    [Fact]
    public void ReleasesAtTheEndWhatWasNoMatch()
    {
        StopMatcher matcher = new(["STOP"]);
        Assert.Equal("ab", matcher.Append("abSTO"));
        Assert.Equal("STO", matcher.Flush());
    }

    [Fact]
    public void OverlapsWithItself()
    {
        StopMatcher matcher = new(["aab"]);
        Assert.Equal("a", matcher.Append("aaab"));
        Assert.Equal(1, matcher.MatchStart);
    }

    [Fact]
    public void TheFirstToCompleteWinsAndTheLongestOfThose()
    {
        StopMatcher first = new(["abcd", "c"]);
        Assert.Equal("ab", first.Append("abcd"));
        StopMatcher longest = new(["c", "abc"]);
        Assert.Equal("x", longest.Append("xabc"));
    }

    [Fact]
    public void WithoutSequencesEverythingPasses()
    {
        StopMatcher matcher = new([]);
        Assert.Equal("anything", matcher.Append("anything"));
        Assert.Equal(8, matcher.Position);
        Assert.Equal("", matcher.Flush());
    }

    [Fact]
    public void AnyCutIntoPiecesGivesTheSameText() => Check((stops, pieces) => Run(stops, [string.Concat(pieces)]) == Run(stops, pieces));

    [Fact]
    public void TheTextEndsWhereASearchFindsTheFirstMatch() => Check((stops, pieces) =>
    {
        string text = string.Concat(pieces);
        for (int end = 1; end <= text.Length; end++)
        {
            string[] found = [.. stops.Where(stop => text.AsSpan(0, end).EndsWith(stop))];
            if (found.Length > 0)
            {
                int start = end - found.Max(stop => stop.Length);
                return Run(stops, pieces) == (text[..start], true, start);
            }
        }

        return Run(stops, pieces) == (text, false, 0);
    });

    [Fact]
    public void APieceInWhichNoSequenceBeginsIsHandedOnWithoutACopy()
    {
        StopMatcher matcher = new(["\n\n", "<end>", "User:"]);
        string[] pieces = ["The", " ship", " sails", ".", " Her", " crew"];
        foreach (string piece in pieces)
        {
            Assert.Same(piece, matcher.Append(piece));
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int token = 0; token < 100; token++)
        {
            matcher.Append(pieces[token % pieces.Length]);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void NothingIsHeldBackWithoutNeed() => Check((stops, pieces) =>
    {
        StopMatcher matcher = new(stops);
        StringBuilder text = new();
        StringBuilder released = new();
        foreach (string piece in pieces)
        {
            text.Append(piece);
            released.Append(matcher.Append(piece));
            if (matcher.IsMatched)
            {
                return true;
            }

            string held = text.ToString(released.Length, text.Length - released.Length);
            if (held.Length > 0 && !stops.Any(stop => stop.StartsWith(held, StringComparison.Ordinal)))
            {
                return false;
            }
        }

        return true;
    });

    // A small alphabet makes matches and near matches likely.
    private static void Check(Func<string[], string[], bool> property)
    {
        Gen<string> Text(int shortest, int longest) => Gen.Choose(shortest, longest)
            .SelectMany(length => Gen.Elements('a', 'b', 'c').ArrayOf(length))
            .Select(characters => new string(characters));
        Gen<string[]> stops = Gen.Choose(1, 3).SelectMany(count => Text(1, 4).ArrayOf(count));
        Gen<string[]> pieces = Gen.Choose(0, 8).SelectMany(count => Text(0, 5).ArrayOf(count));
        Arbitrary<(string[] Stops, string[] Pieces)> cases =
            stops.SelectMany(stop => pieces.Select(piece => (stop, piece))).ToArbitrary();
        Prop.ForAll(cases, pair => property(pair.Stops, pair.Pieces)).Check(PropertyConfig.Of(2000));
    }

    private static (string Text, bool IsMatched, int Start) Run(string[] stops, string[] pieces)
    {
        StopMatcher matcher = new(stops);
        StringBuilder text = new();
        foreach (string piece in pieces)
        {
            text.Append(matcher.Append(piece));
        }

        text.Append(matcher.Flush());
        return (text.ToString(), matcher.IsMatched, matcher.MatchStart);
    }
}
