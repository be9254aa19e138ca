using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace MambaConnector.Telemetry;

/// <summary>The instruments that are recorded into. The first four, with their buckets, are those of the semantic conventions.</summary>
internal sealed class ChatInstruments(Meter meter)
{
    public const string CacheResult = "mamba.state_cache.result";

    public Histogram<long> TokenUsage { get; } = Histogram<long>(
        meter, "gen_ai.client.token.usage", "{token}", "Tokens of a request, read or written.",
        [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864]);

    public Histogram<double> OperationDuration { get; } = Histogram<double>(
        meter, "gen_ai.client.operation.duration", "s", "Time from a request to its end.",
        [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]);

    public Histogram<double> TimeToFirstToken { get; } = Histogram<double>(
        meter, "gen_ai.server.time_to_first_token", "s", "Time from a request to the first token of its response, waiting included.",
        [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0]);

    public Histogram<double> TimePerOutputToken { get; } = Histogram<double>(
        meter, "gen_ai.server.time_per_output_token", "s", "Mean time of each token of a response after the first.",
        [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5]);

    public Counter<long> CacheLookups { get; } = meter.CreateCounter<long>(
        "mamba.state_cache.lookups", "{lookup}",
        $"Requests by whether a kept state covered a beginning of their prompt ({CacheResult}: hit, miss).");

    public Counter<long> CacheTokens { get; } = meter.CreateCounter<long>(
        "mamba.state_cache.tokens", "{token}", $"Prompt tokens by whether a kept state covered them ({CacheResult}: hit, miss).");

    public Histogram<int> BatchSize { get; } = Histogram<int>(
        meter, "mamba.batch.size", "{sequence}", "Sequences that decode together in one evaluation; prefills alone are left out.",
        [1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 48, 64, 96, 128]);

    public Histogram<int> BatchPrefills { get; } = Histogram<int>(
        meter, "mamba.batch.prefills", "{sequence}", "Sequences whose prompts are read in one evaluation.", [0, 1, 2, 4, 8, 16, 32, 64]);

    public Histogram<int> BatchTokens { get; } = Histogram<int>(
        meter, "mamba.batch.tokens", "{token}", "Tokens of one evaluation.", [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]);

    /// <summary>What every measurement says. The model is the one that is served, not what a request asks for: callers must not be able to
    /// make new time series.</summary>
    public static TagList Tags(string modelId) => new()
    {
        { GenAi.OperationName, GenAi.Chat },
        { GenAi.ProviderName, GenAi.Mamba },
        { GenAi.RequestModel, modelId },
    };

    private static Histogram<T> Histogram<T>(Meter meter, string name, string unit, string description, T[] boundaries)
        where T : struct =>
        meter.CreateHistogram(name, unit, description, advice: new InstrumentAdvice<T> { HistogramBucketBoundaries = boundaries });
}
