using System.Text.Json;
using System.Text.Json.Nodes;
using MambaConnector.Cli.Calibration;
using MambaConnector.Cli.Output;
using MambaConnector.Models;

namespace MambaConnector.Cli.Tests.Commands;

public sealed class EvalCalibrateTests
{
    [Theory]
    [InlineData("mamba2", 8)]
    [InlineData("mamba1", 2)]
    public async Task ABaselineHoldsStatesToItsNorms(string name, int heads)
    {
        using TemporaryFolder folder = new();
        string file = folder.File("baseline.json");
        string text = RandomTokens.Create(400);
        JsonObject document = await ToolRun.JsonAsync(
            "eval", "calibrate", "--model", TestFiles.Model(name), "--tokens", text, "--length", "192", "--output", file);

        Assert.Equal(["model", "kind", "output", "training_length", "tokens", "scales", "global_heads", "losses"], document.Select(entry => entry.Key));
        Assert.Equal("baseline", (string)document["kind"]!);
        Assert.Equal(2 * 192, (int)document["tokens"]!);

        using MambaModel model = MambaModel.Load(TestFiles.Model(name));
        StateBaseline baseline = StateBaseline.Load(file);
        baseline.CheckModel(model.Info);
        Assert.Equal(192, baseline.TrainingLength);
        Assert.All(baseline.Layers, layer => Assert.Equal(heads, layer.Norm.Length));

        using MambaSession session = model.CreateSession();
        session.Policy = LongContextPolicy.StateNorm([.. baseline.Layers.Select(layer => (IReadOnlyList<float>)layer.Norm)], 0.5f);
        session.Append([.. text.Split(',').Select(int.Parse)]);
        StateStatistics statistics = session.GetStateStatistics();
        for (int layer = 0; layer < statistics.LayerCount; layer++)
        {
            for (int head = 0; head < heads; head++)
            {
                Assert.InRange(statistics[layer, head].Norm, 0, 0.5f * baseline.Layers[layer].Norm[head] * 1.0001f);
            }
        }
    }

    [Fact]
    public async Task TextIsCalibratedWithNewlines()
    {
        using TemporaryFolder folder = new();
        string file = folder.File("baseline.json");
        string text = string.Join(' ', Enumerable.Repeat("The sun is yellow and the grass is green.", 20));
        ToolRun run = await ToolRun.RunAsync("eval", "calibrate", "--text", text, "--length", "64", "--texts", "2", "--output", file);

        Assert.Equal(0, run.ExitCode);
        StateBaseline baseline = StateBaseline.Load(file);
        Assert.Equal(3 * 64, baseline.Tokens);
        Assert.Contains("newlines", baseline.Source, StringComparison.Ordinal);
        Assert.Equal(["baseline.json"], folder.Names);
    }

    [Fact]
    public void TheEmbeddedModelBringsItsBaselineAndMonitorsUseIt()
    {
        using MambaModel model = Mamba2Chat.Load();
        Assert.Same(Mamba2Chat.Baseline, model.Baseline);
        Assert.Equal(8192, model.Baseline!.TrainingLength);
        Assert.All(model.Baseline.Layers, layer => Assert.All(layer.Norm, norm => Assert.True(norm > 0)));

        using CollapseMonitor monitor = new(model);
        Assert.Same(model.Baseline, monitor.Options.Baseline);
        using MambaSession session = model.CreateSession();
        session.Monitor = monitor;
        session.Append(string.Join(' ', Enumerable.Repeat("Once upon a time there was a king who had three daughters.", 40)));

        // A text that says one thing over and over is unusual, and no collapse.
        CollapseReport report = monitor.Report!.Value;
        Assert.True(report.Level < CollapseLevel.Collapsing, report.Message);
        Assert.InRange(report.NormRatio, 0.5, 2);

        using MambaModel converted = Mamba2Chat.Load(new MambaModelOptions { WeightType = MambaWeightType.F32 });
        Assert.Null(converted.Baseline);
    }

    [Fact]
    public async Task ScalesOfDtAreAPolicy()
    {
        using TemporaryFolder folder = new();
        string file = folder.File("scales.json");
        string[] arguments =
        [
            "eval", "calibrate", "--model", TestFiles.Model("mamba2"), "--tokens", RandomTokens.Create(700), "--length", "64", "--target-length", "160",
            "--delta-scale", "--iterations", "2", "--seed", "3", "--output", file,
        ];
        JsonObject document = await ToolRun.JsonAsync(arguments);

        Assert.Equal("delta-scale", (string)document["kind"]!);
        float[] scales = JsonSerializer.Deserialize<float[]>(await File.ReadAllTextAsync(file))!;
        Assert.Equal(scales, document["scales"]!.AsArray().Select(scale => (float)scale!));
        Assert.Equal(LongContextPolicy.DeltaScale(scales), LongContextPolicy.Parse($"delta:{file}"));
        JsonNode[] losses = [.. document["losses"]!.AsArray().Select(loss => loss!)];
        Assert.Equal(["calibration", "held out"], losses.Select(loss => (string)loss["texts"]!));
        Assert.True((double)losses[0]["after"]! <= (double)losses[0]["before"]!);
        Assert.Equal(["scales.json"], folder.Names);

        // The same seed gives the same search.
        Assert.Equal(document["scales"]!.ToJsonString(), (await ToolRun.JsonAsync(arguments))["scales"]!.ToJsonString());
    }

    [Fact]
    public void ASearchThatWasStoppedGoesOn()
    {
        using TemporaryFolder folder = new();
        string file = folder.File("scales.json");
        File.WriteAllText(file + ".partial", "not ours");
        using MambaModel model = MambaModel.Load(TestFiles.Model("mamba1"));
        CalibrationRun run = new("mamba1", model, 64, [.. RandomTokens.Create(300).Split(',').Select(int.Parse)], 1, file);
        IReadOnlyList<float> whole = Search(new Counter(int.MaxValue), CancellationToken.None).Scales!;
        int all = ScaleSearch.Evaluations(4) + 2;
        File.Delete(file);

        using CancellationTokenSource stop = new();
        Assert.Throws<OperationCanceledException>(() => Search(new Counter(ScaleSearch.Evaluations(2) + 1, stop), stop.Token));
        Assert.Equal(["scales.json.partial"], folder.Names);

        Counter rest = new(int.MaxValue);
        Assert.Equal(whole, Search(rest, CancellationToken.None).Scales!);
        Assert.Equal(all - ScaleSearch.Evaluations(2), rest.Count);
        Assert.Equal(["scales.json"], folder.Names);

        CalibrateDocument Search(IProgress<double> progress, CancellationToken cancellationToken) => run.DeltaScale(128, 4, 3, progress, cancellationToken);
    }

    [Theory]
    [InlineData("mamba2", 8)]
    [InlineData("mamba1", 128)]
    public async Task ATokenFilterIsAPolicy(string name, int columns)
    {
        using TemporaryFolder folder = new();
        string file = folder.File("filter.json");
        JsonObject document = await ToolRun.JsonAsync(
            "eval", "calibrate", "--model", TestFiles.Model(name), "--tokens", RandomTokens.Create(300), "--length", "64", "--token-filter",
            "--lengths", "128,256", "--theta", "1e-30", "--output", file);

        Assert.Equal("token-filter", (string)document["kind"]!);
        Assert.True((int)document["global_heads"]! > 0);
        TokenFilterTable table = TokenFilterTable.Load(file);
        Assert.Equal(64, table.TrainingLength);
        Assert.Equal([128L, 256L], table.Rows.Select(row => row.Length));
        Assert.All(table.Rows, row => Assert.All(row.Thresholds, layer => Assert.Equal(columns, layer.Length)));

        // The longer the prompt, the more has to stay out.
        Assert.All(
            table.Rows[0].Thresholds.SelectMany(layer => layer).Zip(table.Rows[1].Thresholds.SelectMany(layer => layer)),
            pair => Assert.True(pair.Second >= pair.First));
        Assert.Equal([128, 256], document["losses"]!.AsArray().Select(loss => (int)loss!["length"]!));
        Assert.All(document["losses"]!.AsArray(), loss => Assert.True((double)loss!["after"]! > 0));
    }

    [Theory]
    [InlineData(2, "give it with --length", "--tokens", "5,6", "--output", "a.json")]
    [InlineData(2, "not both", "--tokens", "5,6", "--output", "a.json", "--delta-scale", "--token-filter")]
    [InlineData(2, "--output", "--tokens", "5,6")]
    [InlineData(2, "--theta must be", "--tokens", "5,6", "--output", "a.json", "--theta", "2")]
    [InlineData(2, "within the training length", "--tokens", "5,6", "--output", "a.json", "--length", "64", "--token-filter", "--lengths", "32")]
    [InlineData(2, "it has to be longer", "--tokens", "5,6", "--output", "a.json", "--length", "2", "--delta-scale")]
    [InlineData(2, "There is no folder", "--tokens", "5,6", "--output", "no-such-folder/a.json", "--length", "2")]
    [InlineData(1, "2 tokens, and 64 are needed", "--tokens", "5,6", "--output", "a.json", "--length", "64")]
    public async Task WhatMakesNoSenseIsRefused(int exitCode, string message, params string[] arguments) =>
        (await ToolRun.RunAsync(["eval", "calibrate", "--model", TestFiles.Model("mamba1"), .. arguments])).AssertFailed(exitCode, message);

    private sealed class Counter(int limit, CancellationTokenSource? stop = null) : IProgress<double>
    {
        public int Count { get; private set; }

        public void Report(double value)
        {
            if (++Count == limit)
            {
                stop!.Cancel();
            }
        }
    }
}
