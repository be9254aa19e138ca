using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class ScoreTests
{
    [Fact]
    public async Task TheEmbeddedModelIsWithinHalfAPercentOfTheReferenceLoss()
    {
        Golden golden = Golden.Load();

        JsonObject score = await ToolRun.JsonAsync("score", "--tokens", golden.TokenList);

        double[] nll = [.. score["logprobs"]!.AsArray().Skip(1).Select(value => -(double)value!)];
        Assert.Equal(golden.Nll.Length, nll.Length);
        Assert.InRange(nll.Average(), golden.Nll.Average() * 0.995, golden.Nll.Average() * 1.005);
        Assert.Equal(nll.Average(), (double)score["mean_nll"]!, 9);
    }

    /// <summary>MAMBA_TEST_ORIGINAL_MODEL names the Hugging Face directory of the BF16 original, which is too large for this repository.</summary>
    [Fact]
    public async Task TheOriginalIsWithinAThousandthOfTheReferenceLoss()
    {
        Golden golden = Golden.Load();
        Assert.Equal(
            "E8A3558853574CA6CD01342AC522DF8051EF71298F4D01F50268C57AA9894817", Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(golden.TokenList))));
        Assert.Equal(3.8443, golden.Nll.Average(), 4);
        if (Environment.GetEnvironmentVariable("MAMBA_TEST_ORIGINAL_MODEL") is string path)
        {
            JsonObject score = await ToolRun.JsonAsync("score", "--model", path, "--tokens", golden.TokenList);
            Assert.Equal(golden.Nll.Average(), (double)score["mean_nll"]!, 1e-3);
        }
    }

    [Fact]
    public async Task TheDocumentHasTheShapeThatScriptsKnow()
    {
        string model = TestFiles.Model("mamba2");

        JsonObject score = await ToolRun.JsonAsync("score", "--model", model, "--tokens", "5,17,9", "--top", "3");

        Assert.Equal(["model", "token_count", "tokens", "logprobs", "top", "mean_nll"], score.Select(entry => entry.Key));
        Assert.Equal(model, (string)score["model"]!);
        Assert.Equal(3, (int)score["token_count"]!);
        Assert.Equal([5, 17, 9], score["tokens"]!.AsArray().Select(id => (int)id!));
        JsonArray logProbabilities = score["logprobs"]!.AsArray();
        Assert.Null(logProbabilities[0]);
        Assert.Equal(((double)logProbabilities[1]! + (double)logProbabilities[2]!) / -2, (double)score["mean_nll"]!, 9);
        JsonArray top = score["top"]!.AsArray();
        Assert.Equal([0, 3, 3], top.Select(position => position!.AsArray().Count));
        foreach (JsonArray position in top.Skip(1).Select(position => position!.AsArray()))
        {
            double[] values = [.. position.Select(entry => (double)entry!["logprob"]!)];
            Assert.Equal(values.OrderDescending(), values);
            Assert.All(position, entry => Assert.Equal(["id", "logprob"], entry!.AsObject().Select(field => field.Key)));
        }

        Assert.True((double)top[1]![0]!["logprob"]! >= (double)logProbabilities[1]!);
    }

    [Fact]
    public async Task WithoutTopTheListIsEmpty()
    {
        JsonObject score = await ToolRun.JsonAsync("score", "--model", TestFiles.Model("mamba2"), "--tokens", "5,17,9");

        Assert.Empty(score["top"]!.AsArray());
    }

    [Fact]
    public async Task OneTokenHasNothingBeforeItToBeScoredBy()
    {
        JsonObject score = await ToolRun.JsonAsync("score", "--model", TestFiles.Model("mamba2"), "--tokens", "5");

        Assert.Null(score["logprobs"]![0]);
        Assert.Null(score["mean_nll"]);
    }

    [Fact]
    public async Task ASessionFileCarriesThePast()
    {
        using TemporaryFolder folder = new();
        int[] tokens = Golden.Load().Tokens[..300];
        string[] arguments = ["score", "--session", folder.File("past"), "--tokens"];

        JsonObject whole = await ToolRun.JsonAsync("score", "--tokens", string.Join(',', tokens));
        JsonObject first = await ToolRun.JsonAsync([.. arguments, string.Join(',', tokens[..128])]);
        JsonObject second = await ToolRun.JsonAsync([.. arguments, string.Join(',', tokens[128..])]);

        // 128 lies on the chunk grid, so that not one bit may differ.
        Assert.Equal(
            whole["logprobs"]!.AsArray().Select(value => (double?)value),
            first["logprobs"]!.AsArray().Concat(second["logprobs"]!.AsArray()).Select(value => (double?)value));
    }

    [Fact]
    public async Task TextAndFileAndStandardInputScoreAlike()
    {
        using TemporaryFolder folder = new();
        const string Text = "The cat — “Mog” — sat.\n";
        await File.WriteAllTextAsync(folder.File("text.txt"), Text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));

        ToolRun text = await ToolRun.RunAsync("score", "--text", Text, "--json");
        ToolRun file = await ToolRun.RunAsync("score", "--file", folder.File("text.txt"), "--json");
        ToolRun input = await ToolRun.WithInputAsync(Text, "score", "--file", "-", "--json");

        Assert.Equal(0, text.ExitCode);
        Assert.Equal(text.Output, file.Output);
        Assert.Equal(text.Output, input.Output);
    }

    [Fact]
    public async Task PeopleGetALineATokenAndTheMean()
    {
        ToolRun run = await ToolRun.RunAsync("score", "--text", "Hello world", "--top", "2");

        string[] lines = run.Output.TrimEnd().Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.Contains("Hello", lines[0], StringComparison.Ordinal);
        Assert.Contains("Ġworld", lines[1], StringComparison.Ordinal);
        Assert.StartsWith("2 tokens, mean loss ", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnIdBeyondTheVocabularyFailsAndIsNamed()
    {
        ToolRun run = await ToolRun.RunAsync("score", "--tokens", "5,16384", "--json");

        run.AssertFailed(1, "16384");
    }

    [Fact]
    public async Task AFileThatIsNotUtf8Fails()
    {
        using TemporaryFolder folder = new();
        await File.WriteAllBytesAsync(folder.File("latin1.txt"), [0x63, 0x61, 0x66, 0xE9]);

        ToolRun run = await ToolRun.RunAsync("score", "--file", folder.File("latin1.txt"));

        run.AssertFailed(1, "is not UTF-8 text");
    }

    [Fact]
    public async Task AModelWithoutATokenizerSaysSoWhenGivenText()
    {
        ToolRun run = await ToolRun.RunAsync("score", "--model", TestFiles.Model("mamba2"), "--text", "Hello");

        run.AssertFailed(1, "tokenizer");
    }

    [Theory]
    [InlineData("Give exactly one of", "score")]
    [InlineData("Give exactly one of", "score", "--text", "a", "--tokens", "1")]
    [InlineData("'x' is none", "score", "--tokens", "1,x")]
    [InlineData("--tokens takes ids", "score", "--tokens", "1,-2")]
    [InlineData("--top must be", "score", "--tokens", "1", "--top", "-1")]
    [InlineData("--top must be", "score", "--tokens", "1", "--top", "many")]
    public async Task BadUsageIsRefused(string message, params string[] arguments) => (await ToolRun.RunAsync(arguments)).AssertFailed(2, message);
}
