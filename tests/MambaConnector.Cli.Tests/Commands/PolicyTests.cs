using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Tests.Commands;

/// <summary><c>--policy</c> and <c>--training-length</c>, in every verb that has them.</summary>
public sealed class PolicyTests
{
    private static readonly string Ids = string.Join(',', Enumerable.Range(0, 300).Select(index => (index * 7) % 64));

    [Fact]
    public async Task AutoChangesNothingWithinTheTrainingLengthAndSomethingBeyond()
    {
        double?[] plain = await ScoreAsync();
        double?[] windowed = await ScoreAsync("--policy", "auto", "--training-length", "128");

        // The window acts from token 128 on, and position 129 is the first that its logits score.
        Assert.Equal(plain[..129], windowed[..129]);
        Assert.NotEqual(plain[129..], windowed[129..]);
        Assert.Equal(windowed, await ScoreAsync("--policy", "window:64"));
        Assert.Equal(plain, await ScoreAsync("--policy", "none"));
    }

    [Fact]
    public async Task AFilterIsForTheLengthOfThePrompt()
    {
        using TemporaryFolder folder = new();
        MambaModelInfo info = MambaModel.Inspect(TestFiles.Model("mamba2")).Info;
        float[][] thresholds = [.. Enumerable.Range(0, info.LayerCount).Select(_ => Enumerable.Repeat(100f, info.HeadCount).ToArray())];
        new TokenFilterTable(300, [new TokenFilterRow(600, thresholds)]).Save(folder.File("beyond.json"));
        new TokenFilterTable(299, [new TokenFilterRow(600, thresholds)]).Save(folder.File("within.json"));

        double?[] plain = await ScoreAsync();
        Assert.Equal(plain, await ScoreAsync("--policy", $"filter:{folder.File("beyond.json")}"));
        Assert.NotEqual(plain, await ScoreAsync("--policy", $"filter:{folder.File("within.json")}"));
    }

    [Fact]
    public async Task ASessionKeepsItsPolicyUntilAnotherIsNamed()
    {
        using TemporaryFolder folder = new();
        string model = TestFiles.Model("mamba2");
        string[] arguments = ["generate", "--model", model, "--temperature", "0", "--ignore-end", "--max-tokens", "4", "--session", folder.File("s")];
        await ToolRun.JsonAsync([.. arguments, "--tokens", Ids, "--policy", "forget:0.9"]);
        Assert.Equal(LongContextPolicy.ForgetMore(0.9f), Kept());
        await ToolRun.JsonAsync(arguments);
        Assert.Equal(LongContextPolicy.ForgetMore(0.9f), Kept());
        await ToolRun.JsonAsync([.. arguments, "--policy", "window:128"]);
        Assert.Equal(LongContextPolicy.RestartWindow(128), Kept());

        LongContextPolicy Kept()
        {
            using MambaModel loaded = MambaModel.Load(model);
            using FileStream file = File.OpenRead(folder.File("s"));
            using MambaSession session = loaded.LoadSession(file);
            return session.Policy;
        }
    }

    [Fact]
    public async Task ChatTalksUnderAPolicy()
    {
        using TemporaryFolder folder = new();
        JsonObject reply = await ToolRun.JsonAsync(
            "chat", "--prompt", "Hello!", "--max-tokens", "4", "--seed", "1", "--policy", "auto", "--session", folder.File("talk"));
        Assert.NotEmpty(reply["tokens"]!.AsArray());
        using MambaModel model = Models.Mamba2Chat.Load();
        using ChatSession chat = ChatSession.Load(model, folder.File("talk"));

        // The embedded model says that it was trained on 8,192 tokens.
        Assert.Equal((8192, LongContextPolicy.RestartWindow(4096)), (model.Info.TrainingLength, chat.Policy));
        chat.Policy = LongContextPolicy.None;
        Assert.Equal(LongContextPolicy.None, chat.Policy);
    }

    [Fact]
    public async Task BenchMeasuresUnderAPolicy()
    {
        JsonObject bench = await ToolRun.JsonAsync(
            "bench", "--model", TestFiles.Model("mamba2"), "--prefill", "70", "--decode", "2", "--repeat", "1", "--policy", "window:64");
        Assert.True((double)bench["prefill_tokens_per_second"]! > 0);
    }

    [Theory]
    [InlineData("convert")]
    [InlineData("quantize", "--weights", "q8_0")]
    public async Task ATrainingLengthGoesIntoTheFile(string verb, params string[] arguments)
    {
        using TemporaryFolder folder = new();
        string output = folder.File("model.gguf");
        await ToolRun.JsonAsync([verb, "--model", TestFiles.Model("mamba2"), "--output", output, "--training-length", "2048", .. arguments]);
        Assert.Equal(2048, (int)(await ToolRun.JsonAsync("inspect", "model", "--model", output))["training_length"]!);
    }

    [Fact]
    public async Task AModelThatDoesNotSayItsTrainingLengthHasNoAuto()
    {
        ToolRun run = await ToolRun.RunAsync("score", "--model", TestFiles.Model("mamba2"), "--tokens", "1,2", "--policy", "auto");
        run.AssertFailed(1, "--training-length");
    }

    [Theory]
    [InlineData("'windw:64' is no long-context policy", "score", "--tokens", "1", "--policy", "windw:64")]
    [InlineData("no-such-baseline", "score", "--tokens", "1", "--policy", "norm:no-such-baseline")]
    [InlineData("positive multiple of 64", "generate", "--tokens", "1", "--policy", "window:100")]
    [InlineData("--training-length must be", "bench", "--training-length", "0")]
    [InlineData("--training-length must be", "convert", "--output", "x.gguf", "--training-length", "-5")]
    public async Task BadUsageIsRefused(string message, params string[] arguments) => (await ToolRun.RunAsync(arguments)).AssertFailed(2, message);

    [Fact]
    public async Task AFilterIsNotForConversations()
    {
        using TemporaryFolder folder = new();
        new TokenFilterTable(8, [new TokenFilterRow(16, [[1]])]).Save(folder.File("table.json"));
        ToolRun run = await ToolRun.RunAsync("chat", "--prompt", "Hello!", "--policy", $"filter:{folder.File("table.json")}");
        run.AssertFailed(2, "a conversation has many");
    }

    private static async Task<double?[]> ScoreAsync(params string[] arguments) =>
        [.. (await ToolRun.JsonAsync(["score", "--model", TestFiles.Model("mamba2"), "--tokens", Ids, .. arguments]))["logprobs"]!.AsArray()
            .Select(value => (double?)value)];
}
