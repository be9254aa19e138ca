using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class GenerateTests
{
    private static readonly string[] _greedy = ["generate", "--temperature", "0", "--ignore-end"];

    [Fact]
    public async Task TheDocumentHasTheShapeThatScriptsKnow()
    {
        JsonObject document = await ToolRun.JsonAsync([.. _greedy, "--prompt", "Once upon a time", "--max-tokens", "8"]);

        Assert.Equal(["prompt_tokens", "tokens", "text", "finish_reason"], document.Select(entry => entry.Key));
        Assert.Equal(8, document["tokens"]!.AsArray().Count);
        Assert.Equal("length", (string)document["finish_reason"]!);
        Assert.NotEqual("", (string)document["text"]!);
    }

    [Fact]
    public async Task APromptAndItsTokensContinueAlike()
    {
        JsonObject text = await ToolRun.JsonAsync([.. _greedy, "--prompt", "Once upon a time", "--max-tokens", "8"]);
        string ids = string.Join(',', text["prompt_tokens"]!.AsArray().Select(id => (int)id!));

        JsonObject tokens = await ToolRun.JsonAsync([.. _greedy, "--tokens", ids, "--max-tokens", "8"]);

        Assert.Equal(text.ToJsonString(), tokens.ToJsonString());
    }

    [Fact]
    public async Task GreedyTokensAreTheMostLikelyOnesThatScoreSees()
    {
        string model = TestFiles.Model("mamba1");
        JsonObject generated = await ToolRun.JsonAsync([.. _greedy, "--model", model, "--tokens", "5,17,9", "--max-tokens", "6"]);
        int[] ids = [5, 17, 9, .. generated["tokens"]!.AsArray().Select(id => (int)id!)];

        JsonObject score = await ToolRun.JsonAsync("score", "--model", model, "--tokens", string.Join(',', ids), "--top", "1");

        Assert.Equal(ids[3..], score["top"]!.AsArray().Skip(3).Select(position => (int)position![0]!["id"]!));
        Assert.Equal("", (string)generated["text"]!);
    }

    [Fact]
    public async Task ASessionFileContinuesExactly()
    {
        using TemporaryFolder folder = new();
        JsonObject whole = await ToolRun.JsonAsync([.. _greedy, "--prompt", "Once upon a time", "--max-tokens", "24"]);

        string[] session = ["--session", folder.File("story"), "--max-tokens", "12"];
        JsonObject first = await ToolRun.JsonAsync([.. _greedy, "--prompt", "Once upon a time", .. session]);
        JsonObject second = await ToolRun.JsonAsync([.. _greedy, .. session]);

        Assert.Equal(
            whole["tokens"]!.AsArray().Select(id => (int)id!),
            first["tokens"]!.AsArray().Concat(second["tokens"]!.AsArray()).Select(id => (int)id!));
        Assert.Equal(["story"], folder.Names);
    }

    [Fact]
    public async Task ASessionOfAnotherModelIsRefusedAndKept()
    {
        using TemporaryFolder folder = new();
        string session = folder.File("story");
        await ToolRun.JsonAsync("generate", "--tokens", "5", "--max-tokens", "1", "--session", session);
        byte[] before = await File.ReadAllBytesAsync(session);

        ToolRun run = await ToolRun.RunAsync("generate", "--model", TestFiles.Model("mamba2"), "--tokens", "5", "--session", session);

        run.AssertFailed(1, "model");
        Assert.Equal(before, await File.ReadAllBytesAsync(session));
    }

    [Fact]
    public async Task ADamagedSessionIsRefused()
    {
        using TemporaryFolder folder = new();
        string session = folder.File("story");
        await ToolRun.JsonAsync("generate", "--tokens", "5", "--max-tokens", "1", "--session", session);
        byte[] bytes = await File.ReadAllBytesAsync(session);
        bytes[bytes.Length / 2] ^= 1;
        await File.WriteAllBytesAsync(session, bytes);

        ToolRun run = await ToolRun.RunAsync("generate", "--tokens", "5", "--session", session);

        run.AssertFailed(1, "checksum");
    }

    [Fact]
    public async Task TheSameSeedGivesTheSameText()
    {
        string[] arguments = ["generate", "--prompt", "Once upon a time", "--max-tokens", "16", "--temperature", "1.5", "--ignore-end", "--seed"];

        ToolRun first = await ToolRun.RunAsync([.. arguments, "7"]);
        ToolRun again = await ToolRun.RunAsync([.. arguments, "7"]);
        ToolRun other = await ToolRun.RunAsync([.. arguments, "8"]);

        Assert.Equal(first.Output, again.Output);
        Assert.NotEqual(first.Output, other.Output);
    }

    [Fact]
    public async Task AStopTextEndsTheTextBeforeIt()
    {
        string[] arguments = [.. _greedy, "--prompt", "Once upon a time", "--max-tokens", "24"];
        string text = (string)(await ToolRun.JsonAsync(arguments))["text"]!;
        string stop = text[(text.Length / 2)..][..3];

        JsonObject stopped = await ToolRun.JsonAsync([.. arguments, "--stop", "never in it", "--stop", stop]);

        Assert.Equal("stop", (string)stopped["finish_reason"]!);
        Assert.Equal(text[..text.IndexOf(stop, StringComparison.Ordinal)], (string)stopped["text"]!);
    }

    [Fact]
    public async Task PeopleGetTheTextAlone()
    {
        string[] arguments = [.. _greedy, "--prompt", "Once upon a time", "--max-tokens", "8"];

        ToolRun run = await ToolRun.RunAsync(arguments);

        Assert.Equal((string)(await ToolRun.JsonAsync(arguments))["text"]! + Environment.NewLine, run.Output);
        Assert.Equal("", run.Error);
    }

    [Fact]
    public async Task AMissingModelIsNamed()
    {
        ToolRun run = await ToolRun.RunAsync("generate", "--model", "no-such-model.gguf", "--prompt", "a", "--json");

        run.AssertFailed(1, "no-such-model.gguf");
    }

    [Fact]
    public async Task ADeviceThatIsNotThereIsAnError()
    {
        ToolRun run = await ToolRun.RunAsync("generate", "--device", "cuda:99", "--prompt", "a");

        run.AssertFailed(1, "cuda:99");
    }

    [Fact]
    public async Task TheScalarKernelsAndTheFastOnesAgree()
    {
        string[] arguments = [.. _greedy, "--prompt", "Once upon a time", "--max-tokens", "6"];

        JsonObject fast = await ToolRun.JsonAsync(arguments);
        JsonObject scalar = await ToolRun.JsonAsync([.. arguments, "--isa", "scalar", "--threads", "1"]);

        Assert.Equal(fast.ToJsonString(), scalar.ToJsonString());
    }

    [Theory]
    [InlineData("Give --prompt or --tokens", "generate")]
    [InlineData("Give --prompt or --tokens", "generate", "--prompt", "a", "--tokens", "1")]
    [InlineData("--max-tokens must be", "generate", "--prompt", "a", "--max-tokens", "0")]
    [InlineData("--temperature must be", "generate", "--prompt", "a", "--temperature", "-1")]
    [InlineData("--top-k must be", "generate", "--prompt", "a", "--top-k", "-1")]
    [InlineData("--top-p must be", "generate", "--prompt", "a", "--top-p", "0")]
    [InlineData("--min-p must be", "generate", "--prompt", "a", "--min-p", "2")]
    [InlineData("--repetition-penalty must be", "generate", "--prompt", "a", "--repetition-penalty", "0")]
    [InlineData("--threads must be", "generate", "--prompt", "a", "--threads", "0")]
    [InlineData("--stop must be", "generate", "--prompt", "a", "--stop", "")]
    [InlineData("sse9", "generate", "--prompt", "a", "--isa", "sse9")]
    [InlineData("--colour", "generate", "--prompt", "a", "--colour")]
    public async Task BadUsageIsRefused(string message, params string[] arguments) => (await ToolRun.RunAsync(arguments)).AssertFailed(2, message);
}
