using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using MambaConnector.Tests.Support;

namespace MambaConnector.Tests.EndToEnd;

/// <summary>Models that cannot forget: copies of the fixtures whose A is a thousandth, so that their states grow with every token. The monitor sees it, and
/// every policy that bounds the state holds it.</summary>
public sealed class CollapseTests : IDisposable
{
    private const int TrainingLength = 256;

    private static readonly CollapseMonitorOptions Often = new() { IntervalTokens = 64, TrainingLength = TrainingLength };

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mamba-collapse-");

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [InlineData("mamba1")]
    [InlineData("mamba2")]
    public void WithoutAPolicyTheStateCollapses(string fixture)
    {
        using MambaModel model = Load(fixture);
        using MambaSession session = model.CreateSession();
        using CollapseMonitor monitor = new(model, Often with { Baseline = Calibrate(model) });
        session.Monitor = monitor;
        session.Append(Tokens(TrainingLength));
        Assert.Equal(CollapseLevel.Healthy, monitor.Report!.Value.Level);
        session.Append(Tokens(7 * TrainingLength));

        CollapseReport report = monitor.Report.Value;
        Assert.Equal(CollapseLevel.Collapsing, report.Level);
        Assert.True(report.Rule is CollapseRule.NormRatio or CollapseRule.VarianceRatio, report.Message);
        Assert.True(report.NormRatio > 3, $"{report.NormRatio}");
        Assert.True(report.RetainingHeads > 0);
        Assert.True(report.LongestHorizon > TrainingLength);
        Assert.Equal(2048 / 64, monitor.History.Count);

        // The model as it is forgets, and goes up and down.
        using MambaModel healthy = MambaModel.Load(SourceTree.Model(fixture));
        using MambaSession usual = healthy.CreateSession();
        using CollapseMonitor watch = new(healthy, Often with { Action = CollapseAction.None });
        usual.Monitor = watch;
        usual.Append(Tokens(8 * TrainingLength));
        Assert.True(watch.Report!.Value.NormRatio < 2, $"{watch.Report.Value.NormRatio}");
    }

    [Theory]
    [InlineData("mamba1", "window:128")]
    [InlineData("mamba1", "forget:0.99")]
    [InlineData("mamba1", "norm")]
    [InlineData("mamba2", "window:128")]
    [InlineData("mamba2", "forget:0.99")]
    [InlineData("mamba2", "norm")]
    public void APolicyHoldsIt(string fixture, string name)
    {
        using MambaModel model = Load(fixture);
        StateBaseline baseline = Calibrate(model);
        using MambaSession session = model.CreateSession();
        session.Policy = name == "norm"
            ? LongContextPolicy.StateNorm([.. baseline.Layers.Select(layer => (IReadOnlyList<float>)layer.Norm)])
            : LongContextPolicy.Parse(name);
        using CollapseMonitor monitor = new(model, Often with { Baseline = baseline });
        session.Monitor = monitor;
        session.Append(Tokens(8 * TrainingLength));
        Assert.All(monitor.History, report => Assert.True(report.Level != CollapseLevel.Collapsing, report.Message));
        Assert.Equal(32, monitor.History.Count);
    }

    [Fact]
    public void ThePolicyThatAMonitorSwitchesToHolds()
    {
        using MambaModel model = Load("mamba2");
        using MambaSession session = model.CreateSession();
        using CollapseMonitor monitor = new(
            model, Often with { Baseline = Calibrate(model), Action = CollapseAction.SwitchPolicy(LongContextPolicy.RestartWindow(128)) });
        session.Monitor = monitor;
        session.Append(Tokens(16 * TrainingLength));
        Assert.Equal(LongContextPolicy.RestartWindow(128), session.Policy);
        Assert.Contains(monitor.History, report => report.Level == CollapseLevel.Collapsing);
        Assert.NotEqual(CollapseLevel.Collapsing, monitor.Report!.Value.Level);
    }

    [Theory]
    [InlineData("mamba1")]
    [InlineData("mamba2")]
    public void StatisticsAreThoseOfTheStatesValues(string fixture)
    {
        using MambaModel model = MambaModel.Load(SourceTree.Model(fixture));
        using MambaSession session = model.CreateSession();
        session.TracksDecay = true;
        int[] tokens = Tokens(75);
        session.Append(tokens.AsSpan(0, 70));
        HeadStep[,] steps = session.Trace(1, tokens.AsSpan(70));
        using MambaSession plain = model.CreateSession();
        plain.Append(tokens.AsSpan(0, 70));
        plain.Append(tokens.AsSpan(70));
        Assert.Equal(plain.GetLogits(), session.GetLogits());
        Assert.Equal((5, session.GetStateStatistics().HeadCount), (steps.GetLength(0), steps.GetLength(1)));

        StateStatistics statistics = session.GetStateStatistics();
        Assert.Equal((75, model.Info.LayerCount), (statistics.Position, statistics.LayerCount));
        float[] values = new float[model.Info.DInner * model.Info.DState];
        for (int layer = 0; layer < statistics.LayerCount; layer++)
        {
            session.GetLayerState(layer, values);
            int size = model.Info.HeadCount > 0 ? model.Info.HeadDim * model.Info.DState : 64 * model.Info.DState;
            for (int head = 0; head < statistics.HeadCount; head++)
            {
                float[] part = values[(head * size)..Math.Min((head + 1) * size, values.Length)];
                HeadStatistics measured = statistics[layer, head];
                double squares = part.Sum(value => (double)value * value);
                Assert.Equal(Math.Sqrt(squares), measured.Norm, 1e-4 * measured.Norm);
                Assert.Equal((squares / part.Length) - Math.Pow(part.Average(value => (double)value), 2), measured.Variance, 1e-4 * measured.Variance);
                Assert.Equal(part.Max(Math.Abs), measured.MaxAbs);
                Assert.Equal(75 / -measured.LogRetention, measured.Horizon, 1e-4 * measured.Horizon);
            }
        }

        using MemoryStream saved = new();
        session.Save(saved);
        saved.Position = 0;
        using MambaSession loaded = model.LoadSession(saved);
        Assert.True(loaded.TracksDecay);
        Assert.Equal(statistics[1, 0], loaded.GetStateStatistics()[1, 0]);
        session.TracksDecay = false;
        Assert.True(double.IsNaN(session.GetStateStatistics()[0, 0].LogRetention));
        Assert.Throws<ArgumentOutOfRangeException>(() => session.GetLayerState(99, values));
        Assert.Throws<ArgumentException>(() => session.GetLayerState(0, values.AsSpan(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => session.Trace(-1, [1]));
    }

    private static int[] Tokens(int count)
    {
        Random random = new(1);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(1, 500))];
    }

    private static StateBaseline Calibrate(MambaModel model)
    {
        using MambaSession session = model.CreateSession();
        StateBaselineBuilder builder = new(model.Info, TrainingLength);
        int[] tokens = Tokens(TrainingLength);
        for (int done = 0; done < TrainingLength; done += 64)
        {
            session.Append(tokens.AsSpan(done, 64));
            builder.Add(session.GetStateStatistics());
        }

        builder.AddTokens(TrainingLength);
        return builder.Build("random tokens");
    }

    /// <summary>A fixture with ln(1/1000) added to every A_log, so A is a thousandth.</summary>
    private MambaModel Load(string fixture)
    {
        string source = SourceTree.Model(fixture);
        foreach (string file in Directory.GetFiles(source))
        {
            File.Copy(file, Path.Combine(_directory.FullName, Path.GetFileName(file)));
        }

        string weights = Path.Combine(_directory.FullName, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(weights);
        int header = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        using JsonDocument tensors = JsonDocument.Parse(bytes.AsMemory(8, header));
        int changed = 0;
        foreach (JsonProperty tensor in tensors.RootElement.EnumerateObject().Where(tensor => tensor.Name.EndsWith("A_log", StringComparison.Ordinal)))
        {
            Assert.Equal("F32", tensor.Value.GetProperty("dtype").GetString());
            int[] place = [.. tensor.Value.GetProperty("data_offsets").EnumerateArray().Select(offset => offset.GetInt32())];
            foreach (ref float value in MemoryMarshal.Cast<byte, float>(bytes.AsSpan(8 + header + place[0], place[1] - place[0])))
            {
                value += MathF.Log(1e-3f);
            }

            changed++;
        }

        Assert.Equal(3, changed);
        File.WriteAllBytes(weights, bytes);
        return MambaModel.Load(_directory.FullName);
    }
}
