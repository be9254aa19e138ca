using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace MambaConnector.Telemetry;

/// <summary>What a chat client tells the outside: spans, metrics and logs. Costs next to nothing when nobody listens.
/// Thread-safe.</summary>
internal sealed class ChatTelemetry : IDisposable
{
    private static readonly string? Version = typeof(ChatTelemetry).Assembly.GetName().Version?.ToString(3);
    private static readonly ActivitySource Source = new(MambaTelemetry.SourceName, Version);

    private readonly Meter _meter;
    private readonly bool _ownsMeter;
    private readonly TagList _observedTags;
    private volatile bool _isDisposed;

    /// <param name="modelId">What responses name.</param>
    /// <param name="sensitive">Whether spans, and logs at level Trace, may hold the text of messages and replies.</param>
    /// <param name="loggerFactory">Makes the log; null: none.</param>
    /// <param name="meterFactory">Makes, and owns, the meter; null: one of this object's own.</param>
    /// <param name="time">The clock.</param>
    public ChatTelemetry(
        string modelId, bool sensitive, ILoggerFactory? loggerFactory, IMeterFactory? meterFactory, TimeProvider? time = null)
    {
        ModelId = modelId;
        IsSensitive = sensitive;
        Time = time ?? TimeProvider.System;
        Logger = loggerFactory?.CreateLogger("MambaConnector.MambaChatClient") ?? NullLogger.Instance;
        MeterOptions options = new(MambaTelemetry.MeterName) { Version = Version };
        _ownsMeter = meterFactory is null;
        _meter = meterFactory?.Create(options) ?? new Meter(options);
        Instruments = new ChatInstruments(_meter);
        Collapse = new CollapseTelemetry(modelId, loggerFactory, _meter);
        _observedTags = ChatInstruments.Tags(modelId);
    }

    public string ModelId { get; }

    public bool IsSensitive { get; }

    public TimeProvider Time { get; }

    public ILogger Logger { get; }

    public ChatInstruments Instruments { get; }

    /// <summary>Of the monitors of requests' states.</summary>
    public CollapseTelemetry Collapse { get; }

    /// <summary>Begins a request: a span, and the clock.</summary>
    /// <param name="messages">Enumerated only where someone listens.</param>
    /// <param name="options">As the caller gave them.</param>
    /// <param name="responseId">The id that the response will have.</param>
    public RequestTelemetry Start(IEnumerable<ChatMessage> messages, ChatOptions? options, string responseId)
    {
        // CLIENT is for systems that usually run elsewhere; a model in this process is INTERNAL.
        Activity? activity = Source.HasListeners()
            ? Source.StartActivity($"{GenAi.Chat} {options?.ModelId ?? ModelId}", ActivityKind.Internal)
            : null;
        return new RequestTelemetry(this, activity, messages, options, responseId);
    }

    /// <summary>A request's prompt was looked up among the kept states.</summary>
    /// <param name="reusedTokens">Tokens that the best state covers; 0: none was found.</param>
    /// <param name="promptTokens">Tokens of the whole prompt.</param>
    public void CacheLookup(int reusedTokens, int promptTokens)
    {
        if (Instruments.CacheLookups.Enabled)
        {
            Instruments.CacheLookups.Add(1, CacheTags(isHit: reusedTokens > 0));
        }

        if (Instruments.CacheTokens.Enabled)
        {
            Instruments.CacheTokens.Add(reusedTokens, CacheTags(isHit: true));
            Instruments.CacheTokens.Add(promptTokens - reusedTokens, CacheTags(isHit: false));
        }
    }

    /// <summary>Lets the size of the state cache be observed. Call once.</summary>
    /// <param name="bytes">Bytes of the kept states.</param>
    /// <param name="count">How many there are.</param>
    public void CacheSize(Func<long> bytes, Func<int> count)
    {
        Observe("mamba.state_cache.bytes", "By", "Bytes of the states that are kept.", bytes);
        Observe("mamba.state_cache.count", "{state}", "States that are kept.", () => count());
    }

    /// <summary>An evaluation is done.</summary>
    /// <param name="decoding">Sequences that appended one token of their reply.</param>
    /// <param name="prefilling">Sequences that read a part of their prompt.</param>
    /// <param name="tokens">Tokens of all of them.</param>
    public void Batch(int decoding, int prefilling, int tokens)
    {
        if (decoding > 0 && Instruments.BatchSize.Enabled)
        {
            Instruments.BatchSize.Record(decoding, ChatInstruments.Tags(ModelId));
        }

        if (Instruments.BatchPrefills.Enabled)
        {
            Instruments.BatchPrefills.Record(prefilling, ChatInstruments.Tags(ModelId));
        }

        if (Instruments.BatchTokens.Enabled)
        {
            Instruments.BatchTokens.Record(tokens, ChatInstruments.Tags(ModelId));
        }
    }

    /// <summary>Lets the scheduler's load be observed. Call once.</summary>
    /// <param name="waiting">Requests that wait for a place.</param>
    /// <param name="running">Requests that advance.</param>
    public void Queue(Func<int> waiting, Func<int> running)
    {
        Observe("mamba.queue.length", "{request}", "Requests that wait for a place.", () => waiting());
        Observe("mamba.requests.running", "{request}", "Requests that advance together.", () => running());
    }

    /// <summary>Ends the observations. A factory's meter lives on and reports nothing more for this client.</summary>
    public void Dispose()
    {
        _isDisposed = true;
        if (_ownsMeter)
        {
            _meter.Dispose();
        }
    }

    private TagList CacheTags(bool isHit)
    {
        TagList tags = ChatInstruments.Tags(ModelId);
        tags.Add(ChatInstruments.CacheResult, isHit ? "hit" : "miss");
        return tags;
    }

    private void Observe(string name, string unit, string description, Func<long> value) =>
        _meter.CreateObservableUpDownCounter<long>(
            name, () => _isDisposed ? [] : [new Measurement<long>(value(), _observedTags)], unit, description);
}
