using System.Text.Json.Nodes;
using System.Xml.Linq;
using MambaConnector.Cli.Bench;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class BenchTests
{
    private static readonly string[] _keys =
    [
        "device", "device_name", "isa", "weights",
        "prefill_tokens_per_second", "decode_tokens_per_second", "best_prefill_tokens_per_second",
        "best_decode_tokens_per_second", "weight_bytes", "state_bytes", "bytes_per_token",
        "read_bandwidth_bytes_per_second", "flops_per_token", "prefill_flops_per_token", "peak_rss_bytes", "rss_before_load_bytes",
    ];

    [Fact]
    public async Task TheDocumentHasTheKeysThatScriptsKnow()
    {
        JsonObject bench = await ToolRun.JsonAsync(
            "bench", "--model", TestFiles.Model("mamba2"), "--prefill", "8", "--decode", "4", "--batch", "2", "--repeat", "2");

        Assert.Equal(_keys, bench.Select(entry => entry.Key));
        Assert.All(_keys[4..], key => Assert.True((double)bench[key]! > 0, key));
        long weights = (long)bench["weight_bytes"]! / 2, state = (long)bench["state_bytes"]!;
        Assert.InRange((long)bench["bytes_per_token"]!, weights + (state / 2), weights + (2 * state));
        Assert.True((long)bench["peak_rss_bytes"]! >= (long)bench["rss_before_load_bytes"]!);
    }

    [Fact]
    public async Task AShapeNeedsNoDownload()
    {
        JsonObject bench = await ToolRun.JsonAsync(
            "bench", "--shape", "mamba2-39m", "--weights", "q8_0", "--prefill", "4", "--decode", "2", "--repeat", "1", "--threads", "1");

        Assert.Equal("q8_0", (string)bench["weights"]!);
        Assert.Equal(11_059_200, (long)bench["state_bytes"]!);
    }

    [Fact]
    public async Task PeopleGetTheSameFiguresWithUnits()
    {
        ToolRun run = await ToolRun.RunAsync(
            "bench", "--model", TestFiles.Model("mamba1"), "--prefill", "4", "--decode", "2", "--repeat", "1");

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("tokens/s", run.Output, StringComparison.Ordinal);
        Assert.Contains("GB/s measured", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void OperationsAreCountedFromTheShape()
    {
        MambaModelInfo shape = Mamba2(layers: 2);

        // in_proj 24 x 4 (z 8, x 8, B 3, C 3, dt 2), out_proj 4 x 8, conv 14 channels x 2 taps, state 8 x 3 in five operations, D x.
        const long Layers = 2 * ((2 * ((24 * 4) + (4 * 8))) + (2 * 2 * 14) + (5 * 8 * 3) + 8);
        Assert.Equal(Layers, FlopCount.PerPromptToken(shape));
        Assert.Equal(Layers + (2 * 10 * 4), FlopCount.PerToken(shape));

        MambaModelInfo mamba1 =
            shape with { Architecture = MambaArchitecture.Mamba1, DtRank = 1, HeadCount = 0, HeadDim = 0, GroupCount = 0 };

        // in_proj 16 x 4, x_proj 7 x 8, dt_proj 8 x 1, out_proj 4 x 8, conv 8 channels x 2 taps, state 8 x 3 in seven operations, D x.
        Assert.Equal(
            (2 * ((2 * ((16 * 4) + (7 * 8) + 8 + (4 * 8))) + (2 * 2 * 8) + (7 * 8 * 3) + 8)) + (2 * 10 * 4),
            FlopCount.PerToken(mamba1));
    }

    [Fact]
    public void StatesOfMamba2AreWrittenOnceInARound()
    {
        // Four states of 8 x 3, four windows of 14 channels, and 16 entries of x 8, B 3, dt 2 for each of 4 layers.
        const long States = 4 * 4 * 8 * 3, Windows = 4 * 4 * 14, Entry = 4 * 4 * (8 + 3 + 2);
        MambaModelInfo shape = Mamba2(layers: 4) with { StateBytes = States + Windows + (16 * Entry) };

        // In 16 tokens: windows read and written 16 times, states read 16 times and written once, 0 + ... + 15 entries read, 16 written.
        Assert.Equal(((32 * Windows) + (17 * States) + (120 * Entry) + (16 * Entry)) / 16, StateTraffic.PerToken(shape));
        Assert.Equal(2 * shape.StateBytes, StateTraffic.PerToken(shape with { Architecture = MambaArchitecture.Mamba1 }));
    }

    [Theory]
    [InlineData(40, 2)]
    [InlineData(5, 1)]
    public void EachPromptAndEachRoundOfStepsHasItsSpeed(int decode, int windows)
    {
        const int Batch = 3, Repeat = 2;
        using MambaModel model = MambaModel.Load(TestFiles.Model("mamba2"));
        BenchSpeeds speeds = new ThroughputBench(model, 4, decode, Batch).Run(Repeat, new Progress<double>(), CancellationToken.None);
        Assert.Equal(Batch * Repeat, speeds.Prefill.Count);
        Assert.Equal(windows * Repeat, speeds.Decode.Count);
        Assert.All([.. speeds.Prefill, .. speeds.Decode], speed => Assert.True(speed > 0));
    }

    [Fact]
    public void TheMedianIsInTheMiddle()
    {
        Assert.Equal(2, BenchSpeeds.Median([3, 1, 2]));
        Assert.Equal(2.5, BenchSpeeds.Median([4, 1, 3, 2]));
    }

    [Fact]
    public async Task ByPositionItGivesSpeedsMemoryAndThatASavedSessionGoesOn()
    {
        using TemporaryFolder folder = new();

        JsonObject bench = await ToolRun.JsonAsync(
            "bench", "--model", TestFiles.Model("mamba2"), "--length", "100,200,..,3000", "--policy", "window:64", "--plot", folder.File("a.svg"),
            "--csv", folder.File("a.csv"));

        Assert.Equal(
            ["device", "device_name", "isa", "weights", "policy", "positions", "saved_bytes", "continues_exactly"], bench.Select(entry => entry.Key));
        Assert.True((bool)bench["continues_exactly"]!);
        Assert.Equal("window:64", (string)bench["policy"]!);
        JsonArray positions = bench["positions"]!.AsArray();
        Assert.Equal([100, 200, 400, 800, 1600, 3000], positions.Select(position => (int)position!["position"]!));
        Assert.All(positions, position => Assert.All(position!.AsObject(), value => Assert.True((double)value.Value! > 0, value.Key)));
        Assert.Equal(7, (await File.ReadAllLinesAsync(folder.File("a.csv"))).Length);
        XDocument.Load(folder.File("a.svg"));
    }

    [Theory]
    [InlineData("leave --repeat out", "bench", "--length", "1k", "--repeat", "2")]
    [InlineData("give --length", "bench", "--plot", "a.svg")]
    [InlineData("--length takes numbers of tokens", "bench", "--length", "1k,,x")]
    [InlineData("Give --shape or --model", "bench", "--shape", "mamba2-39m", "--model", "a.gguf")]
    [InlineData("mamba9-1m", "bench", "--shape", "mamba9-1m")]
    [InlineData("--prefill must be", "bench", "--prefill", "0")]
    [InlineData("--batch must be", "bench", "--batch", "0")]
    [InlineData("--repeat must be", "bench", "--repeat", "0")]
    public async Task BadUsageIsRefused(string message, params string[] arguments) =>
        (await ToolRun.RunAsync(arguments)).AssertFailed(2, message);

    private static MambaModelInfo Mamba2(int layers) => new()
    {
        Architecture = MambaArchitecture.Mamba2, WeightType = MambaWeightType.F32, LayerCount = layers, DModel = 4, DInner = 8, DState = 3,
        DConv = 2, DtRank = 0, HeadCount = 2, HeadDim = 4, GroupCount = 1, VocabSize = 9, PaddedVocabSize = 10, TiedEmbeddings = true,
        TrainingLength = 0, ParameterCount = 0, WeightBytes = 0, StateBytes = 0, StateGrowthBytes = 0, Fingerprint = "",
    };
}
