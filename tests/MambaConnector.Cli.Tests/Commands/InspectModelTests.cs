using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class InspectModelTests
{
    [Fact]
    public async Task TheEmbeddedModelIsWhatItsCardSays()
    {
        JsonObject model = await ToolRun.JsonAsync("inspect", "model");

        Assert.Equal("mamba2-39m-chat", (string)model["model"]!);
        Assert.Equal("mamba2", (string)model["architecture"]!);
        Assert.Equal("q8_0", (string)model["weights"]!);
        Assert.Equal(18, (int)model["layer_count"]!);
        Assert.Equal(512, (int)model["d_model"]!);
        Assert.Equal(1024, (int)model["d_inner"]!);
        Assert.Equal(128, (int)model["d_state"]!);
        Assert.Equal(16, (int)model["head_count"]!);
        Assert.Equal(16384, (int)model["vocab_size"]!);
        Assert.True((bool)model["tied_embeddings"]!);
        Assert.Equal(8192, (int)model["training_length"]!);
        Assert.Equal(0, (int)model["state_growth_bytes"]!);
        Assert.Equal(16384, (int)model["tokenizer_vocab_size"]!);
        Assert.Equal("ChatML", (string)model["chat_template"]!);
        Assert.Equal([0, 3], model["end_token_ids"]!.AsArray().Select(id => (int)id!).Order());
        Assert.Equal(32, ((string)model["fingerprint"]!).Length);
        JsonObject metadata = model["metadata"]!.AsObject();
        Assert.Equal("mamba2", (string)metadata["general.architecture"]!);
        Assert.Equal(16384, (int)metadata["tokenizer.ggml.tokens"]!["length"]!);
        Assert.Equal("smollm", (string)metadata["tokenizer.ggml.pre"]!);
    }

    [Fact]
    public async Task AModelWithoutTokenizerAndTemplateSaysSo()
    {
        JsonObject model = await ToolRun.JsonAsync("inspect", "model", "--model", TestFiles.Model("mamba1"));

        Assert.Equal("mamba1", (string)model["architecture"]!);
        Assert.Null(model["tokenizer_vocab_size"]);
        Assert.Null(model["chat_template"]);
        Assert.Null(model["training_length"]);
        Assert.True((int)model["dt_rank"]! > 0);
    }

    [Fact]
    public async Task PeopleGetATable()
    {
        ToolRun run = await ToolRun.RunAsync("inspect", "model");

        Assert.Contains("training length  8192 tokens", run.Output, StringComparison.Ordinal);
        Assert.Contains("chat template    ChatML", run.Output, StringComparison.Ordinal);
        Assert.Contains("bytes a session, at any length", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AModelThatWasTrainedTooShortIsWarnedOf()
    {
        using TemporaryFolder folder = new();
        string file = folder.File("short.gguf");
        MambaShape shape = new() { LayerCount = 8, DModel = 256, DState = 256, VocabSize = 512 };
        MambaModel.WriteRandom(shape, file, trainingLength: 512);

        ToolRun run = await ToolRun.RunAsync("inspect", "model", "--model", file);
        Assert.StartsWith("Feed your Mamba: it was trained on texts of 512 tokens", run.Output.TrimEnd().Split('\n')[^1], StringComparison.Ordinal);
        Assert.Equal(512, (int)(await ToolRun.JsonAsync("inspect", "model", "--model", file))["training_length"]!);
    }

    [Theory]
    [InlineData("inspect")]
    [InlineData("inspect", "nothing")]
    [InlineData("nothing")]
    [InlineData]
    public async Task HalfACommandIsBadUsage(params string[] arguments) => (await ToolRun.RunAsync(arguments)).AssertFailed(2, "--help");

    [Fact]
    public async Task HelpIsNoFailure()
    {
        ToolRun run = await ToolRun.RunAsync("inspect", "model", "--help");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("--model", run.Output, StringComparison.Ordinal);
    }
}
