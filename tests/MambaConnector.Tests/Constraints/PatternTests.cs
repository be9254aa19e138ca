using System.Text.Json;

namespace MambaConnector.Tests.Constraints;

/// <summary>Patterns of strings, as far as they are supported.</summary>
public sealed class PatternTests
{
    [Theory]
    [InlineData("b+c", "abbcd", true)]
    [InlineData("b+c", "abd", false)]
    [InlineData("^b+c$", "bbc", true)]
    [InlineData("^b+c$", "bbcc", false)]
    [InlineData("^a|b$", "ax", true)]
    [InlineData("^a|b$", "xb", true)]
    [InlineData("^a|b$", "xa", false)]
    [InlineData("^(?:ab|c)*$", "abcab", true)]
    [InlineData("^(?<name>ab|c)*?$", "aba", false)]
    [InlineData("^a{2}$", "aa", true)]
    [InlineData("^a{2}$", "aaa", false)]
    [InlineData("^a{2,}$", "aaaa", true)]
    [InlineData("^a{2,3}$", "aaaa", false)]
    [InlineData("^a{,3}$", "a{,3}", true)]
    [InlineData("^a{0}b$", "b", true)]
    [InlineData("^[a-cx]$", "b", true)]
    [InlineData("^[a-cx]$", "d", false)]
    [InlineData("^[^a-c]$", "d", true)]
    [InlineData("^[^a-c]$", "a", false)]
    [InlineData("^[\\d-]+$", "1-2", true)]
    [InlineData("^\\d\\D\\w\\W\\s\\S$", "1ab- x", true)]
    [InlineData("^\\d$", "\u0663", false)]
    [InlineData("^\\D$", "\u0663", false)]
    [InlineData("^.$", "\n", false)]
    [InlineData("^.$", "😀", true)]
    [InlineData("^\\u00e9\\x41\\t\\.\\/\\u{1F600}\\ud83d\\ude00$", "éA\t./😀😀", true)]
    [InlineData("^\\p{Lu}\\P{L}$", "É1", true)]
    [InlineData("^\\p{Lu}\\P{L}$", "é1", false)]
    [InlineData("", "anything", true)]
    [InlineData("^$", "", true)]
    [InlineData("^$", "a", false)]
    [InlineData("$^", "", true)]
    [InlineData("(a|b|)c", "c", true)]
    [InlineData("^((a{1,2}){2}b?){2}$", "aabaaa", true)]
    public void Match(string pattern, string text, bool matches) =>
        Assert.Equal(matches, GrammarText.Accepts(Schema(pattern), $"\"{JsonEncodedText.Encode(text)}\""));

    [Theory]
    [InlineData("^a*$", 2, 3, "aa", true)]
    [InlineData("^a*$", 2, 3, "a", false)]
    [InlineData("^a*$", 2, 3, "aaaa", false)]
    [InlineData("b", 3, 3, "abc", true)]
    [InlineData("b", 3, 3, "aac", false)]
    public void BoundsOfLengthHoldBeside(string pattern, int minimum, int maximum, string text, bool fits) => Assert.Equal(
        fits, GrammarText.Accepts($"{{\"type\":\"string\",\"pattern\":\"{pattern}\",\"minLength\":{minimum},\"maxLength\":{maximum}}}", $"\"{text}\""));

    [Theory]
    [InlineData("a$b")]
    [InlineData("^[]$")]
    [InlineData("b^a")]
    public void PatternsThatNothingMatchesAreRefused(string pattern) =>
        Assert.Contains("cannot be satisfied", Assert.Throws<ArgumentException>(() => GrammarText.Compile(Schema(pattern))).Message, StringComparison.Ordinal);

    private static string Schema(string pattern) => $"{{\"type\":\"string\",\"pattern\":\"{JsonEncodedText.Encode(pattern)}\"}}";
}
