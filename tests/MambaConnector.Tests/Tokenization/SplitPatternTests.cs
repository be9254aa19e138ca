using System.Text.RegularExpressions;
using MambaConnector.Tokenization;

namespace MambaConnector.Tests.Tokenization;

public sealed class SplitPatternTests
{
    public static TheoryData<string> Patterns() =>
    [
        KnownPatterns.Gpt2, KnownPatterns.Llama3, KnownPatterns.Qwen2, KnownPatterns.Tekken, @"\s+$", @"\s?\p{L}+", @"\s?\p{P}+",
            "[0-9][0-9][0-9]", @"[\p{P}$+<=>^~|]+",
        @"a(?=b)|[^a\s]{2,3}", @"(?:ab|a)?b+", @"(x|y)z*", @"^\p{L}|\d$", @"[\]\-^a]+.", @"\u0041\x42\x{43}?", @"[^\S\r\n]+",
            @"[\p{Lu}-]\P{N}\p{^L}",
    ];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void FindsWhatDotNetFindsInsideTheBasicPlane(string text)
    {
        // An independent engine with the same meaning, except that it has no code points and no multi-line $ and ^ by default.
        var reference = new Regex(
            text.Replace(@"\x{43}", "C", StringComparison.Ordinal).Replace(@"\p{^L}", @"\P{L}", StringComparison.Ordinal),
            RegexOptions.Multiline | RegexOptions.CultureInvariant);
        var pattern = new SplitPattern(text);
        var random = new Random(5);
        for (var round = 0; round < 3000; round++)
        {
            var subject = string.Concat(RandomText.Next(random).Where(c =>
                !char.IsSurrogate(c) && c is not ('\u017f' or '\u212a'))) + (round % 2 == 0 ? " ab\n  xz--^a" : "");
            var expected = reference.Matches(subject).Select(match => (match.Index, match.Index + match.Length)).ToArray();
            List<(int, int)> found = [];
            for (var position = 0; pattern.Find(subject, position, out var start, out var end); position = end)
            {
                found.Add((start, end));
            }

            Assert.True(expected.SequenceEqual(found),
                $"{text} on {Regex.Escape(subject)}: expected {string.Join(' ', expected)}, found {string.Join(' ', found)}");
        }
    }

    [Theory]
    [InlineData(@"\p{L}+", "1𝒜b𐐀", 1, 6)]
    [InlineData(@"\p{N}{1,2}", "𝟘𝟙𝟚", 0, 4)]
    [InlineData(@"[^\s]", "😀", 0, 2)]
    [InlineData("[\U00010400-\U0001044F]", "a𐐀", 1, 3)]
    [InlineData(@"(?i:'s)", "x'\u017f", 1, 3)] // the long s is a case variant of s
    [InlineData(@"(?i)K", "\u212a", 0, 1)] // and the Kelvin sign of k
    [InlineData(@"\s++a|b", "  a", 0, 3)]
    [InlineData(@"\s+\s|b", "   b", 0, 3)]
    [InlineData(@"\s++\s|b", "   b", 3, 4)]
    public void SeesCodePoints(string pattern, string text, int start, int end)
    {
        Assert.True(new SplitPattern(pattern).Find(text, 0, out var foundStart, out var foundEnd));
        Assert.Equal((start, end), (foundStart, foundEnd));
    }

    [Theory]
    [InlineData("(a+)+", "a group that is repeated")]
    [InlineData("(a){2}", "a group that is repeated")]
    [InlineData("(?!a)*", "a look-ahead that is repeated")]
    [InlineData("a+?", "a lazy loop")]
    [InlineData("a{1,2}+", "a '+' after '{..}'")]
    [InlineData("a**", "a loop over a loop")]
    [InlineData("(?<=a)b", "a group \"(?<\"")]
    [InlineData("(?<n>a)", "a group \"(?<\"")]
    [InlineData(@"\p{Han}", @"the property ""\p{Han}""")]
    [InlineData(@"\bword", @"the escape ""\b""")]
    [InlineData("[[:alpha:]]", "a POSIX bracket")]
    [InlineData("[a[b]]", "a set inside a set")]
    [InlineData("[a-z&&[^b]]", "an intersection of sets")]
    [InlineData("[z-a]", "a range whose end is not above its start")]
    [InlineData("[ab", "a '[' without its ']'")]
    [InlineData("(ab", "a group without its ')'")]
    [InlineData("ab)", "an unmatched ')'")]
    [InlineData("+a", "a '+' with nothing to repeat")]
    [InlineData("a{x}", "a '{' that opens no bounds")]
    [InlineData(@"a\", @"a '\' at its end")]
    [InlineData(@"\u12", "too few hexadecimal digits")]
    [InlineData(@"\x{110000}", "no code point")]
    [InlineData("a*", "matches the empty text")]
    [InlineData("a|", "matches the empty text")]
    public void RefusesByName(string pattern, string what)
    {
        var error = Assert.Throws<InvalidDataException>(() => new SplitPattern(pattern));
        Assert.Contains(what, error.Message, StringComparison.Ordinal);
        Assert.Contains(pattern, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void DeepNestingIsRefused() =>
        Assert.Contains("nested groups", Assert.Throws<InvalidDataException>(() => new SplitPattern(new string('(', 100000))).Message,
            StringComparison.Ordinal);
}
