using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace MambaConnector.Tests.Telemetry;

/// <summary>Listens to the spans and metrics of one model id: other tests run at the same time.</summary>
internal sealed class RecordedTelemetry : IDisposable
{
    private readonly ActivityListener _activities;
    private readonly MeterListener _meters = new();

    public RecordedTelemetry(string modelId)
    {
        _activities = new ActivityListener
        {
            ShouldListenTo = source => source.Name == MambaTelemetry.SourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = span =>
            {
                if (Equals(span.GetTagItem("gen_ai.request.model"), modelId))
                {
                    Spans.Add(span);
                }
            },
        };
        ActivitySource.AddActivityListener(_activities);
        _meters.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == MambaTelemetry.MeterName)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _meters.SetMeasurementEventCallback<int>((instrument, value, tags, _) => Add(modelId, instrument, value, tags));
        _meters.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(modelId, instrument, value, tags));
        _meters.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(modelId, instrument, value, tags));
        _meters.Start();
    }

    public List<Activity> Spans { get; } = [];

    public List<Measured> Measurements { get; } = [];

    /// <summary>Values of an instrument, in order, optionally only those with a tag.</summary>
    public double[] Values(string name, string? tag = null, string? value = null) =>
        [.. Measurements.Where(made => made.Name == name && (tag is null || Equals(made.Tags[tag], value))).Select(made => made.Value)];

    public void Observe() => _meters.RecordObservableInstruments();

    public void Dispose()
    {
        _activities.Dispose();
        _meters.Dispose();
    }

    private void Add(string modelId, Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        Dictionary<string, object?> all = new(tags.ToArray());
        if (Equals(all.GetValueOrDefault("gen_ai.request.model"), modelId))
        {
            Measurements.Add(new Measured(instrument.Name, value, all, instrument));
        }
    }

    internal sealed record Measured(string Name, double Value, Dictionary<string, object?> Tags, Instrument Instrument);
}
