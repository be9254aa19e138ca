using MambaConnector.Cli.Calibration;

namespace MambaConnector.Cli.Tests.Calibration;

public sealed class TextWindowsTests
{
    [Theory]
    [InlineData(10, 3, 5, new[] { 0, 3, 6 })] // room for three
    [InlineData(100, 10, 2, new[] { 0, 50 })]
    [InlineData(7, 7, 4, new[] { 0 })]
    public void PiecesAreSpreadOverTheText(int textLength, int length, int wanted, int[] starts)
    {
        ReadOnlyMemory<int>[] windows = TextWindows.Choose(Enumerable.Range(0, textLength).ToArray(), length, wanted);

        Assert.Equal(starts, windows.Select(window => window.Span[0]));
        Assert.All(windows, window => Assert.Equal(length, window.Length));
    }

    [Fact]
    public void ATextThatIsTooShortIsRefused() =>
        Assert.Contains("6 tokens, and 7", Assert.Throws<InvalidDataException>(() => TextWindows.Choose(new int[6], 7, 1)).Message, StringComparison.Ordinal);
}
