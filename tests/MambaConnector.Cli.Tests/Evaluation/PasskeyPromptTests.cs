using System.Security.Cryptography;
using System.Text;
using MambaConnector.Cli.Evaluation;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Tests.Evaluation;

public sealed class PasskeyPromptTests
{
    private static readonly MambaTokenizer _tokenizer = MambaModel.LoadTokenizer(Mamba2ChatPath);

    private static string Mamba2ChatPath => MambaConnector.Models.Mamba2Chat.Path;

    [Fact]
    public void TheBytesAreThoseOfThePaper()
    {
        const string Expected =
            "There is an important info hidden inside a lot of irrelevant text. Find it and memorize it.\n\n" +
            "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.\n" +
            "The passkey is 00042. Remember it. 00042 is the passkey.\n" +
            "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.\n" +
            "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.\n" +
            "\nWhat is the pass key? The passkey is";

        Assert.Equal(SHA256.HashData(Encoding.UTF8.GetBytes(Expected)), SHA256.HashData(Encoding.UTF8.GetBytes(PasskeyPrompt.Text(42, 1, 2))));
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(99999, 3, 0)]
    [InlineData(12345, 0, 5)]
    [InlineData(70007, 4, 2)]
    public void ThePartsAreTheTokensOfTheWhole(int key, int before, int after)
    {
        PasskeyPrompt prompt = new(_tokenizer);

        Assert.Equal(_tokenizer.Encode(PasskeyPrompt.Text(key, before, after)), prompt.Start(before).Concat(prompt.End(key, after)));
        Assert.Equal(prompt.Start(before).Concat(prompt.Repeat(2)), prompt.Start(before + 2));
    }

    [Fact]
    public void AnAnswerHasRoomForASpaceAndFiveDigits() => Assert.Equal(6, new PasskeyPrompt(_tokenizer).AnswerTokens);

    [Theory]
    [InlineData(256)]
    [InlineData(1024)]
    [InlineData(10_000)]
    public void AsManyLinesAsFitAreInAPrompt(int length)
    {
        PasskeyPrompt prompt = new(_tokenizer);

        int lines = prompt.NoiseLines(length);

        Assert.InRange(prompt.Start(0).Length + prompt.End(1, lines).Length, length - prompt.Repeat(1).Length + 1, length);
    }

    [Fact]
    public void TheKeyStandsInTheMiddleOfEachPart() =>
        Assert.Equal([10, 30, 50, 70, 90], Enumerable.Range(0, 5).Select(depth => PasskeyPrompt.LinesBefore(100, depth, 5)));

    [Fact]
    public void RecallReachesToTheLongestLengthWithMoreThan95PercentRight()
    {
        EvalPasskeySeries series = EvalPasskeySeries.Of("none",
        [
            new("none", 1024, 0.25, 20, 20), new("none", 1024, 0.75, 20, 20), new("none", 2048, 0.25, 20, 20), new("none", 2048, 0.75, 19, 20),
            new("none", 4096, 0.25, 20, 20), new("none", 4096, 0.75, 18, 20),
        ]);

        Assert.Equal(2048, series.RecallLength);
        Assert.Equal([1, 0.975, 0.95], series.Lengths.Select(length => length.Share));
    }
}
