using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class TokenizeTests
{
    [Fact]
    public async Task TheEmbeddedModelSplitsText()
    {
        JsonObject document = await ToolRun.JsonAsync("tokenize", "--text", "Hello world 12");

        Assert.Equal(["ids", "tokens"], document.Select(entry => entry.Key));
        Assert.Equal(["Hello", "Ġworld", "Ġ", "1", "2"], document["tokens"]!.AsArray().Select(token => (string)token!));
        Assert.Equal(5, document["ids"]!.AsArray().Count);
    }

    [Theory]
    [InlineData("ggml-vocab-gpt-2.gguf", "Hello world", new[] { 15496, 995 })]
    [InlineData("ggml-vocab-llama-spm.gguf", "Hello world", new[] { 15043, 3186 })]
    public async Task AVocabularyWithoutWeightsWillDo(string file, string text, int[] ids)
    {
        JsonObject document = await ToolRun.JsonAsync("tokenize", "--model", TestFiles.Tokenizer(file), "--text", text);

        Assert.Equal(ids, document["ids"]!.AsArray().Select(id => (int)id!));
    }

    [Theory]
    [InlineData("mamba2-39m-chat", "tokenizer.json")]
    [InlineData("mamba2-39m-chat")]
    public async Task ABareTokenizerJsonWillDoAndIsWhatTheEmbeddedModelHas(params string[] path)
    {
        string[] arguments = ["tokenize", "--text", "It's a café, isn't it?\n\tYes: 1,024!"];

        JsonObject bare = await ToolRun.JsonAsync([.. arguments, "--model", TestFiles.Tokenizer(path)]);

        Assert.Equal((await ToolRun.JsonAsync(arguments)).ToJsonString(), bare.ToJsonString());
    }

    [Fact]
    public async Task SpecialTokensInTextAreTextUnlessAskedFor()
    {
        JsonObject text = await ToolRun.JsonAsync("tokenize", "--text", "<|im_end|>");
        JsonObject special = await ToolRun.JsonAsync("tokenize", "--text", "<|im_end|>", "--special");

        Assert.True(text["ids"]!.AsArray().Count > 1);
        Assert.Equal(3, (int)Assert.Single(special["ids"]!.AsArray())!);
        Assert.Equal("<|im_end|>", (string)special["tokens"]![0]!);
    }

    [Fact]
    public async Task AnEmptyTextHasNoTokens()
    {
        JsonObject document = await ToolRun.JsonAsync("tokenize", "--text", "");

        Assert.Empty(document["ids"]!.AsArray());
    }

    [Fact]
    public async Task PeopleGetALineAToken()
    {
        ToolRun run = await ToolRun.RunAsync("tokenize", "--text", "Hello world");

        Assert.Equal(2, run.Output.TrimEnd().Split('\n').Length);
        Assert.Contains("Ġworld", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AMissingFileIsNamed()
    {
        (await ToolRun.RunAsync("tokenize", "--file", "no-such-text.txt")).AssertFailed(1, "no-such-text.txt");
        (await ToolRun.RunAsync("tokenize", "--text", "a", "--model", "no-such-tokenizer.json")).AssertFailed(1, "no-such-tokenizer.json");
    }

    [Theory]
    [InlineData("Give exactly one of --text, --file", "tokenize")]
    [InlineData("--tokens", "tokenize", "--tokens", "1,2")]
    public async Task BadUsageIsRefused(string message, params string[] arguments) => (await ToolRun.RunAsync(arguments)).AssertFailed(2, message);
}
