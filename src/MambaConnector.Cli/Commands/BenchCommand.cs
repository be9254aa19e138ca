using System.CommandLine;
using MambaConnector.Cli.Bench;
using MambaConnector.Cli.Output;

namespace MambaConnector.Cli.Commands;

/// <summary><c>mamba bench</c>: prefill and decode speed, beside what the memory could give.</summary>
internal static class BenchCommand
{
    public static Command Create(ToolConsole console)
    {
        Option<string?> weights = WeightTypes.CreateOption(
            "--weights", "The type of the matrices. Default: as stored; of a --shape, bf16.", "f32", "f16", "bf16", "q8_0", "q6_k", "q4_k");
        Option<int> prefill = CountOption.Create("--prefill", 512, "Tokens of each session's prompt.");
        Option<int> decode = CountOption.Create("--decode", 128, "Tokens that each session then takes one by one.");
        Option<int> batch = CountOption.Create("--batch", 1, "Sessions that advance together.");
        Option<int> repeat = CountOption.Create("--repeat", 3, "Rounds; medians are given, and the best.");
        Option<long[]?> lengths = TokenLengths.CreateListOption(
            "--length", "Instead, the cost of a token and the memory at these positions of one session, as in 1k,4k,..,1M.");
        Option<bool> json = JsonOption.Create();
        Command command = new("bench", "Measures prefill and decode speed.") { weights, prefill, decode, batch, repeat, lengths, json };
        OutputFiles files = OutputFiles.AddTo(command);
        command.Validators.Add(result =>
        {
            bool isByPosition = result.GetResult(lengths) is not null;
            Option? other = new Option[] { prefill, decode, batch, repeat }.FirstOrDefault(option => result.GetResult(option) is { Implicit: false });
            if (isByPosition && other is not null)
            {
                result.AddError($"--length measures one session at its positions; leave {other.Name} out");
            }
            else if (!isByPosition && files.IsGiven(result))
            {
                result.AddError("--plot and --csv show the cost by position: give --length");
            }
        });
        ShapeOption shape = ShapeOption.AddTo(command);
        ModelOptions model = ModelOptions.AddTo(command);
        PolicyOptions policy = PolicyOptions.AddTo(command);
        command.SetAction((parsed, cancellationToken) =>
        {
            long rssBeforeLoad = MemoryUse.Current;
            using MambaModel loaded = Load(parsed, model, policy, shape, WeightTypes.Parse(parsed.GetValue(weights)));
            MambaModelInfo info = loaded.Info;
            MambaEngineInfo engine = loaded.EngineInfo;
            MambaDevice device = MambaModel.GetDevices().First(device => device.Id == engine.Device);
            if (parsed.GetValue(lengths) is { Length: > 0 } positions)
            {
                files.Check(parsed);
                BenchPositionsDocument table = MeasurePositions(
                    console, loaded, device, positions, session => policy.Apply(parsed, session, positions[^1]), cancellationToken);
                files.Write(parsed, PositionsReport.ToChart(table).Write, () => PositionsReport.ToTable(table));
                if (parsed.GetValue(json))
                {
                    console.WriteJson(table, ToolJson.Instance.BenchPositionsDocument);
                }
                else
                {
                    PositionsReport.Print(console.Out, table);
                }

                return Task.FromResult(table.ContinuesExactly ? Tool.Success : Tool.Failure);
            }

            int promptTokens = parsed.GetValue(prefill);
            ThroughputBench bench = new(
                loaded, promptTokens, parsed.GetValue(decode), parsed.GetValue(batch), session => policy.Apply(parsed, session, promptTokens));
            BenchSpeeds speeds = new();
            console.WithProgress("Measuring", progress => speeds = bench.Run(parsed.GetValue(repeat), progress, cancellationToken));
            long peakRss = MemoryUse.Peak;
            bool isCpu = device.Kind == MambaDeviceKind.Cpu;
            BenchDocument document = new(
                device.Id,
                device.Name,
                isCpu ? engine.Isa.Name() : null,
                info.WeightType.Name(),
                BenchSpeeds.Median(speeds.Prefill),
                BenchSpeeds.Median(speeds.Decode),
                speeds.Prefill.Max(),
                speeds.Decode.Max(),
                info.WeightBytes,
                info.StateBytes,
                (info.WeightBytes / parsed.GetValue(batch)) + StateTraffic.PerToken(info),
                loaded.MeasureBandwidth(),
                FlopCount.PerToken(info),
                FlopCount.PerPromptToken(info),
                peakRss,
                rssBeforeLoad);
            if (parsed.GetValue(json))
            {
                console.WriteJson(document, ToolJson.Instance.BenchDocument);
            }
            else
            {
                Print(console.Out, document, engine.ThreadCount);
            }

            return Task.FromResult(Tool.Success);
        });
        return command;
    }

    private static BenchPositionsDocument MeasurePositions(
        ToolConsole console, MambaModel model, MambaDevice device, long[] positions, Action<MambaSession> prepare,
        CancellationToken cancellationToken)
    {
        PositionBench bench = new(model);
        List<BenchPosition> measured = [];
        console.WithNotedProgress("Reading", progress => measured = bench.Run(positions, prepare, progress, cancellationToken));
        string? isa = device.Kind == MambaDeviceKind.Cpu ? model.EngineInfo.Isa.Name() : null;
        return new BenchPositionsDocument(
            device.Id, device.Name, isa, model.Info.WeightType.Name(), bench.Policy.ToString(), measured, bench.SavedBytes, bench.ContinuesExactly);
    }

    private static MambaModel Load(ParseResult parsed, ModelOptions model, PolicyOptions policy, ShapeOption shape, MambaWeightType weights)
    {
        // Nothing is undone here, so no checkpoints are taken for it: what is measured is the model.
        MambaModelOptions options = policy.Describe(parsed, model.ToOptions(parsed)) with { RollbackTokens = 0 };
        return shape.Get(parsed, model, weights) is MambaShape random
            ? MambaModel.CreateRandom(random, options)
            : model.Load(parsed, options with { WeightType = weights });
    }

    private static void Print(TextWriter output, BenchDocument document, int threads)
    {
        double used = document.DecodeTokensPerSecond * document.BytesPerToken / document.ReadBandwidthBytesPerSecond;
        double bandwidth = document.ReadBandwidthBytesPerSecond;
        LabelledRows.Write(output,
        [
            ("device", $"{document.Device}, {document.DeviceName}{(document.Isa is null ? "" : $", {document.Isa}, {threads} threads")}"),
            ("weights", $"{document.Weights}, {document.WeightBytes:N0} bytes"),
            ("state", $"{document.StateBytes:N0} bytes a session"),
            ("prefill", $"{document.PrefillTokensPerSecond:N1} tokens/s, at best {document.BestPrefillTokensPerSecond:N1}"),
            ("decode", $"{document.DecodeTokensPerSecond:N1} tokens/s, at best {document.BestDecodeTokensPerSecond:N1}"),
            ("arithmetic", $"{document.FlopsPerToken:N0} operations a token, {document.PrefillFlopsPerToken:N0} of a prompt's"),
            ("traffic", $"{document.BytesPerToken:N0} bytes a decoded token: {used:P0} of the {bandwidth / 1e9:N1} GB/s measured"),
            ("memory", $"{document.PeakRssBytes:N0} bytes at most, {document.RssBeforeLoadBytes:N0} before the model"),
        ]);
    }
}
