using MambaConnector.Tokenization;

namespace MambaConnector.Tests.Tokenization;

public sealed class UnicodeFormTests
{
    // Columns source, NFC, NFD, NFKC, NFKD of cases in Unicode's NormalizationTest.txt and UAX #15.
    [Theory]
    [InlineData("\u1E0A", "\u1E0A", "D\u0307", "\u1E0A", "D\u0307")]
    [InlineData("\u1E0A\u0323", "\u1E0C\u0307", "D\u0323\u0307", "\u1E0C\u0307", "D\u0323\u0307")]
    [InlineData("\u212B \u2126", "\u00C5 \u03A9", "A\u030A \u03A9", "\u00C5 \u03A9", "A\u030A \u03A9")]
    [InlineData("\uFB01 \u2460", "\uFB01 \u2460", "\uFB01 \u2460", "fi 1", "fi 1")]
    [InlineData("\u1E9B\u0323", "\u1E9B\u0323", "\u017F\u0323\u0307", "\u1E69", "s\u0323\u0307")]
    [InlineData("\uD55C\uAE00", "\uD55C\uAE00", "\u1112\u1161\u11AB\u1100\u1173\u11AF", "\uD55C\uAE00",
        "\u1112\u1161\u11AB\u1100\u1173\u11AF")]
    [InlineData("\uAC00\u11A8\u11A8", "\uAC01\u11A8", "\u1100\u1161\u11A8\u11A8", "\uAC01\u11A8", "\u1100\u1161\u11A8\u11A8")]
    [InlineData("\u0344", "\u0308\u0301", "\u0308\u0301", "\u0308\u0301", "\u0308\u0301")] // excluded from composition
    [InlineData("\u0958", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C")]
    [InlineData("a\u0315\u0300\u05AE\u0062", "\u00E0\u05AE\u0315b", "a\u05AE\u0300\u0315b", "\u00E0\u05AE\u0315b", "a\u05AE\u0300\u0315b")]
    [InlineData("\u09C7\u0334\u09BE", "\u09C7\u0334\u09BE", "\u09C7\u0334\u09BE", "\u09C7\u0334\u09BE",
        "\u09C7\u0334\u09BE")] // a mark between starters blocks
    [InlineData("\uD834\uDD5F", "\uD834\uDD58\uD834\uDD65", "\uD834\uDD58\uD834\uDD65", "\uD834\uDD58\uD834\uDD65",
        "\uD834\uDD58\uD834\uDD65")]
    [InlineData("plain", "plain", "plain", "plain", "plain")]
    public void NormalizesAsUnicodeSays(string source, string nfc, string nfd, string nfkc, string nfkd)
    {
        Assert.Equal(nfc, new UnicodeForm(compatible: false, composes: true).Normalize(source));
        Assert.Equal(nfd, new UnicodeForm(compatible: false, composes: false).Normalize(source));
        Assert.Equal(nfkc, new UnicodeForm(compatible: true, composes: true).Normalize(source));
        Assert.Equal(nfkd, new UnicodeForm(compatible: true, composes: false).Normalize(source));
    }

    [Fact]
    public void FormsAreStableAndAgree()
    {
        var (nfc, nfd) = (new UnicodeForm(compatible: false, composes: true), new UnicodeForm(compatible: false, composes: false));
        var random = new Random(7);
        for (var round = 0; round < 5000; round++)
        {
            var text = RandomText.Next(random);
            Assert.Equal(nfc.Normalize(text), nfc.Normalize(nfc.Normalize(text)));
            Assert.Equal(nfd.Normalize(text), nfd.Normalize(nfc.Normalize(text)));
            Assert.Equal(nfc.Normalize(text), nfc.Normalize(nfd.Normalize(text)));
        }
    }
}
