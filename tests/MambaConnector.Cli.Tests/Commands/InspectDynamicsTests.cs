using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class InspectDynamicsTests
{
    [Theory]
    [InlineData("mamba2", "0,7")]
    [InlineData("mamba1", "0,1")]
    public async Task MemoryIsTheProductOfDecays(string model, string heads)
    {
        JsonObject dynamics = await ToolRun.JsonAsync(
            "inspect", "dynamics", "--model", TestFiles.Model(model), "--tokens", RandomTokens.Create(70), "--layer", "1", "--heads", heads, "--every", "1");

        Assert.Equal(["model", "policy", "token_count", "every", "layer", "positions", "heads"], dynamics.Select(entry => entry.Key));
        Assert.Equal(Enumerable.Range(1, 70), dynamics["positions"]!.AsArray().Select(position => (int)position!));
        JsonArray all = dynamics["heads"]!.AsArray();
        Assert.Equal(heads.Split(',').Select(int.Parse), all.Select(head => (int)head!["head"]!));
        foreach (JsonNode? head in all)
        {
            Assert.Equal(["head", "dt", "decay", "b_norm", "x_norm", "memory"], head!.AsObject().Select(entry => entry.Key));
            double product = 1;
            for (int token = 0; token < 70; token++)
            {
                Assert.True((double)head["dt"]![token]! > 0);
                Assert.InRange((double)head["decay"]![token]!, 0, 1);
                Assert.True((double)head["b_norm"]![token]! > 0);
                Assert.True((double)head["x_norm"]![token]! > 0);
                product *= (double)head["decay"]![token]!;
                Assert.Equal(product, (double)head["memory"]![token]!, 1e-9);
            }
        }
    }

    [Fact]
    public async Task TokensTakenTogetherAreMeansAndTheRestIsShorter()
    {
        JsonObject one = await Read("1"), four = await Read("4");

        Assert.Equal([4, 8, 10], four["positions"]!.AsArray().Select(position => (int)position!));
        double[] dt = [.. one["heads"]![0]!["dt"]!.AsArray().Select(value => (double)value!)];
        Assert.Equal(dt[8..].Average(), (double)four["heads"]![0]!["dt"]![2]!, 1e-12);
        Assert.Equal((double)one["heads"]![0]!["memory"]![9]!, (double)four["heads"]![0]!["memory"]![2]!, 1e-12);

        static Task<JsonObject> Read(string every) => ToolRun.JsonAsync(
            "inspect", "dynamics", "--model", TestFiles.Model("mamba2"), "--tokens", RandomTokens.Create(10), "--layer", "0", "--every", every);
    }

    [Theory]
    [InlineData("window:64")]
    [InlineData("difference:64")]
    public async Task NothingIsLeftOfTheFirstTokenOnceAWindowLetGoOfIt(string policy)
    {
        double[] whole = await Read("none"), windowed = await Read(policy);

        Assert.All(whole, memory => Assert.True(memory > 0));
        Assert.Equal(whole[..128], windowed[..128]);
        Assert.All(windowed[128..], memory => Assert.Equal(0, memory));

        static async Task<double[]> Read(string policy)
        {
            JsonObject dynamics = await ToolRun.JsonAsync(
                "inspect", "dynamics", "--model", TestFiles.Model("mamba2"), "--tokens", RandomTokens.Create(140), "--layer", "0", "--every", "1",
                "--policy", policy);
            return [.. dynamics["heads"]![0]!["memory"]!.AsArray().Select(value => (double)value!)];
        }
    }

    [Theory]
    [InlineData("memory")]
    [InlineData("dt")]
    [InlineData("decay")]
    [InlineData("b")]
    [InlineData("x")]
    public async Task APictureHasALineAHead(string quantity)
    {
        using TemporaryFolder folder = new();
        string picture = folder.File("a.svg"), table = folder.File("a.csv");
        ToolRun run = await ToolRun.RunAsync(
            "inspect", "dynamics", "--model", TestFiles.Model("mamba2"), "--tokens", RandomTokens.Create(32), "--layer", "2", "--heads", "1,3",
            "--show", quantity, "--plot", picture, "--csv", table);

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("layer 2, 32 tokens read", run.Output, StringComparison.Ordinal);
        string[] texts = [.. XDocument.Load(picture).Descendants().Where(element => element.Name.LocalName == "text").Select(text => text.Value)];
        Assert.Contains("head 1", texts);
        Assert.Contains("head 3", texts);
        Assert.DoesNotContain(texts, text => text.Contains(Path.DirectorySeparatorChar));
        Assert.Equal(1 + (2 * 32), (await File.ReadAllLinesAsync(table)).Length);
    }

    [Theory]
    [InlineData("There is no layer 3", "--tokens", "5,6", "--layer", "3")]
    [InlineData("There is no head 8", "--tokens", "5,6", "--layer", "0", "--heads", "1,8")]
    [InlineData("--heads takes", "--tokens", "5,6", "--layer", "0", "--heads", "a")]
    [InlineData("--layer", "--tokens", "5,6")]
    public async Task BadUsageIsRefused(string message, params string[] arguments) =>
        (await ToolRun.RunAsync(["inspect", "dynamics", "--model", TestFiles.Model("mamba2"), .. arguments])).AssertFailed(2, message);
}
