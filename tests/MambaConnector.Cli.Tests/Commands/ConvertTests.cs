using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class ConvertTests
{
    private const string Tokens = "5,17,9,3,3,40,2,11,8,30,21";

    [Theory]
    [InlineData("mamba1")]
    [InlineData("mamba2")]
    [InlineData("falcon-mamba")]
    [InlineData("ssm-mamba1")]
    [InlineData("ssm-mamba2")]
    public async Task AnyFormatBecomesAGgufFileThatScoresAlike(string name)
    {
        using TemporaryFolder folder = new();
        string model = TestFiles.Model(name);
        string output = folder.File("model.gguf");

        JsonObject written = await ToolRun.JsonAsync("convert", "--model", model, "--output", output);

        Assert.Equal(["model", "output", "weights", "file_bytes"], written.Select(entry => entry.Key));
        Assert.Equal(new FileInfo(output).Length, (long)written["file_bytes"]!);
        JsonObject before = await ToolRun.JsonAsync("score", "--model", model, "--tokens", Tokens);
        JsonObject after = await ToolRun.JsonAsync("score", "--model", output, "--tokens", Tokens);
        Assert.Equal((double)before["mean_nll"]!, (double)after["mean_nll"]!, 1e-5);
        Assert.Equal(["model.gguf"], folder.Names);
    }

    [Fact]
    public async Task AShapeBecomesAFileOfTheSameRandomWeightsThatDeclaresNoTokenizer()
    {
        using TemporaryFolder folder = new();
        string output = folder.File("random.gguf");

        JsonObject written = await ToolRun.JsonAsync("convert", "--shape", "mamba2-39m", "--weights", "q8_0", "--output", output);

        Assert.Equal("mamba2-39m", (string)written["model"]!);
        Assert.Equal("q8_0", (string)written["weights"]!);
        JsonObject model = await ToolRun.JsonAsync("inspect", "model", "--model", output);
        using MambaModel made = MambaModel.CreateRandom(MambaShape.Parse("mamba2-39m") with { WeightType = MambaWeightType.Q8_0 });
        Assert.Equal(made.Info.Fingerprint, (string)model["fingerprint"]!);
        Assert.Equal("none", (string)model["metadata"]!["tokenizer.ggml.model"]!);
    }

    [Fact]
    public async Task AShapeAndAModelAreNotBothWritten()
    {
        using TemporaryFolder folder = new();

        ToolRun run = await ToolRun.RunAsync("convert", "--shape", "mamba2-39m", "--model", TestFiles.Model("mamba2"), "--output", folder.File("never.gguf"));

        run.AssertFailed(2, "Give --shape or --model");
        Assert.Empty(folder.Names);
    }

    [Fact]
    public async Task TokenizerTemplateAndTrainingLengthGoAlong()
    {
        using TemporaryFolder folder = new();
        string output = folder.File("again.gguf");

        await ToolRun.JsonAsync("convert", "--output", output);

        JsonObject before = await ToolRun.JsonAsync("inspect", "model");
        JsonObject after = await ToolRun.JsonAsync("inspect", "model", "--model", output);
        before.Remove("model");
        after.Remove("model");
        Assert.Equal(before.ToJsonString(), after.ToJsonString());
    }

    [Theory]
    [InlineData("bf16", 0.02)]
    [InlineData("f16", 0.005)]
    [InlineData("q8_0", 0.05)]
    public async Task QuantizingMakesASmallerFileOfNearlyTheSameLoss(string weights, double tolerance)
    {
        using TemporaryFolder folder = new();
        string model = TestFiles.Model("mamba2");
        string full = folder.File("f32.gguf");
        string output = folder.File("small.gguf");
        JsonObject f32 = await ToolRun.JsonAsync("convert", "--model", model, "--weights", "f32", "--output", full);

        JsonObject written = await ToolRun.JsonAsync("quantize", "--model", full, "--weights", weights, "--output", output);

        Assert.Equal(weights, (string)written["weights"]!);
        Assert.True((long)written["file_bytes"]! < (long)f32["file_bytes"]!);
        JsonObject before = await ToolRun.JsonAsync("score", "--model", model, "--tokens", Tokens);
        JsonObject after = await ToolRun.JsonAsync("score", "--model", output, "--tokens", Tokens);
        Assert.Equal((double)before["mean_nll"]!, (double)after["mean_nll"]!, tolerance);
    }

    [Theory]
    [InlineData("q6_k", 0.01)]
    [InlineData("q4_k", 0.05)]
    public async Task BlocksOf256AreWrittenAndRead(string weights, double tolerance)
    {
        using TemporaryFolder folder = new();
        string full = folder.File("f32.gguf");
        string output = folder.File("small.gguf");
        MambaShape shape = new()
        {
            Architecture = MambaArchitecture.Mamba1, LayerCount = 2, DModel = 256, DState = 16, VocabSize = 64, WeightType = MambaWeightType.F32,
        };
        using (MambaModel random = MambaModel.CreateRandom(shape))
        {
            random.Save(full);
        }

        JsonObject written = await ToolRun.JsonAsync("quantize", "--model", full, "--weights", weights, "--output", output);

        Assert.Equal(weights, (string)written["weights"]!);
        JsonObject inspected = await ToolRun.JsonAsync("inspect", "model", "--model", output);
        Assert.Equal(weights, (string)inspected["weights"]!);
        Assert.True((long)written["file_bytes"]! < new FileInfo(full).Length / 4);
        JsonObject before = await ToolRun.JsonAsync("score", "--model", full, "--tokens", Tokens);
        JsonObject after = await ToolRun.JsonAsync("score", "--model", output, "--tokens", Tokens);
        Assert.Equal((double)before["mean_nll"]!, (double)after["mean_nll"]!, tolerance);
    }

    [Fact]
    public async Task AnExistingFileIsKeptWhenTheInputIsBad()
    {
        using TemporaryFolder folder = new();
        await File.WriteAllTextAsync(folder.File("in.gguf"), "GGUF");
        await File.WriteAllTextAsync(folder.File("out.gguf"), "precious");

        ToolRun run = await ToolRun.RunAsync("convert", "--model", folder.File("in.gguf"), "--output", folder.File("out.gguf"));

        run.AssertFailed(1, "in.gguf");
        Assert.Equal("precious", await File.ReadAllTextAsync(folder.File("out.gguf")));
        Assert.Equal(["in.gguf", "out.gguf"], folder.Names);
    }

    [Fact]
    public async Task AFolderThatIsNotThereIsNamed()
    {
        using TemporaryFolder folder = new();
        string output = Path.Combine(folder.File("nowhere"), "out.gguf");

        ToolRun run = await ToolRun.RunAsync("convert", "--model", TestFiles.Model("mamba2"), "--output", output);

        run.AssertFailed(1, "nowhere");
    }

    [Theory]
    [InlineData("--output", "convert")]
    [InlineData("q9", "convert", "--output", "a.gguf", "--weights", "q9")]
    [InlineData("--weights", "quantize", "--output", "a.gguf")]
    [InlineData("f32", "quantize", "--output", "a.gguf", "--weights", "f32")]
    public async Task BadUsageIsRefused(string message, params string[] arguments) => (await ToolRun.RunAsync(arguments)).AssertFailed(2, message);
}
