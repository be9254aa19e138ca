using System.Text.Json.Nodes;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class InspectCapacityTests
{
    private static readonly string[] _keys =
    [
        "model", "architecture", "state_values", "ssm_values", "convolution_values", "state_value_bytes", "session_bytes", "training_length",
        "forget_length", "recall_length", "is_trained_to_forget", "fit", "warning",
    ];

    [Fact]
    public async Task TheEmbeddedModelIsTrainedLongEnough()
    {
        JsonObject capacity = await ToolRun.JsonAsync("inspect", "capacity");

        Assert.Equal(_keys, capacity.Select(entry => entry.Key));
        Assert.Equal(18 * ((16 * 64 * 128) + ((1024 + 256) * 3)), (long)capacity["state_values"]!);
        Assert.Equal(11_059_200, (long)capacity["session_bytes"]!);
        Assert.Equal(8192, (long)capacity["training_length"]!);
        Assert.InRange((double)capacity["forget_length"]!, 8000, 8192);
        Assert.True((bool)capacity["is_trained_to_forget"]!);
        Assert.Null(capacity["warning"]);
    }

    [Fact]
    public async Task AShapeTrainedTooShortIsWarnedOf()
    {
        ToolRun run = await ToolRun.RunAsync("inspect", "capacity", "--shape", "mamba2-780m", "--training-length", "8192");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("T_train          8,192 tokens", run.Output, StringComparison.Ordinal);
        Assert.Contains("T_forget         about 95,", run.Output, StringComparison.Ordinal);
        Assert.Contains("Feed your Mamba", run.Output, StringComparison.Ordinal);
        Assert.Contains("GPT-NeoX", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatIsNotKnownIsSaid()
    {
        JsonObject capacity = await ToolRun.JsonAsync("inspect", "capacity", "--model", TestFiles.Model("mamba1"));
        Assert.Null(capacity["training_length"]);
        Assert.Null(capacity["forget_length"]);
        Assert.Null(capacity["is_trained_to_forget"]);

        ToolRun run = await ToolRun.RunAsync("inspect", "capacity", "--model", TestFiles.Model("mamba1"));
        Assert.Contains("not known", run.Output, StringComparison.Ordinal);
        Assert.Contains("below the fit's range", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("-4", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--training-length must be", "--training-length", "0")]
    [InlineData("Give --shape or --model", "--shape", "mamba2-39m", "--model", "a.gguf")]
    public async Task BadUsageIsRefused(string message, params string[] arguments) =>
        (await ToolRun.RunAsync(["inspect", "capacity", .. arguments])).AssertFailed(2, message);
}
