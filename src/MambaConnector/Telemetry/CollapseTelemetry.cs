using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace MambaConnector.Telemetry;

/// <summary>What monitors of states tell the outside: metrics and logs. Costs next to nothing when nobody listens. Thread-safe.</summary>
internal sealed class CollapseTelemetry : IDisposable
{
    private const string Level = "mamba.state.level";
    private const string Rule = "mamba.state.rule";

    private readonly string _modelId;
    private readonly ILogger _logger;
    private readonly Meter? _ownMeter;
    private readonly Histogram<double> _normRatio;
    private readonly Counter<long> _levelChanges;

    /// <param name="modelId">What measurements name.</param>
    /// <param name="loggerFactory">Makes the log; null: none.</param>
    /// <param name="meter">The owner's.</param>
    public CollapseTelemetry(string modelId, ILoggerFactory? loggerFactory, Meter meter)
    {
        _modelId = modelId;
        _logger = loggerFactory?.CreateLogger("MambaConnector.CollapseMonitor") ?? NullLogger.Instance;
        _normRatio = meter.CreateHistogram(
            "mamba.state.norm_ratio", "1", "The largest norm of a state's heads, of what it is in a healthy state.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 4, 8, 16, 64, 256] });
        _levelChanges = meter.CreateCounter<long>(
            "mamba.state.level_changes", "{change}", $"Changes of a state's level ({Level}: healthy, watch, collapsing; {Rule}: why).");
    }

    private CollapseTelemetry(string modelId, ILoggerFactory? loggerFactory, Meter meter, bool ownsMeter)
        : this(modelId, loggerFactory, meter)
    {
        _ownMeter = ownsMeter ? meter : null;
    }

    /// <summary>With a meter of the factory's, or of its own.</summary>
    public static CollapseTelemetry Create(string modelId, ILoggerFactory? loggerFactory, IMeterFactory? meterFactory)
    {
        MeterOptions options = new(MambaTelemetry.MeterName) { Version = typeof(CollapseTelemetry).Assembly.GetName().Version?.ToString(3) };
        return new CollapseTelemetry(modelId, loggerFactory, meterFactory?.Create(options) ?? new Meter(options), meterFactory is null);
    }

    /// <summary>A state was measured.</summary>
    /// <param name="report">What it is like.</param>
    /// <param name="previous">What it was like; null: this is the first time.</param>
    /// <param name="subject">Whose state it is.</param>
    /// <param name="logs">Whether a level that has changed is logged.</param>
    public void Measured(in CollapseReport report, in CollapseReport? previous, string subject, bool logs)
    {
        CollapseLevel before = previous?.Level ?? CollapseLevel.Healthy;
        if (_normRatio.Enabled)
        {
            _normRatio.Record(report.NormRatio, ChatInstruments.Tags(_modelId));
        }

        if (report.Level != before)
        {
            TagList tags = ChatInstruments.Tags(_modelId);
            tags.Add(Level, Name(report.Level));
            tags.Add(Rule, Name(report.Rule));
            _levelChanges.Add(1, tags);
        }

        if (!logs)
        {
            return;
        }

        if (report.Level > before)
        {
            CollapseLog.Rose(_logger, subject, report.Position, report.Level, report.Rule, report.Message);
        }
        else if (report.Level < before)
        {
            CollapseLog.Fell(_logger, subject, report.Position, report.Level, before);
        }
        else if (report.Rule == CollapseRule.PastTrainingLength && previous?.Rule != CollapseRule.PastTrainingLength)
        {
            CollapseLog.PastTrainingLength(_logger, subject, report.Message);
        }
    }

    /// <summary>A monitor has acted.</summary>
    public void Acted(string subject, long position, CollapseAction action)
    {
        if (action is CollapseAction.SwitchPolicyAction change)
        {
            CollapseLog.SwitchedPolicy(_logger, subject, position, change.Policy);
        }
        else if (action is CollapseAction.ResetAndReinjectAction reset)
        {
            CollapseLog.Reset(_logger, subject, position, reset.Text.Length);
        }
    }

    /// <summary>Ends a meter of its own.</summary>
    public void Dispose() => _ownMeter?.Dispose();

    private static string Name(CollapseLevel level) => level switch
    {
        CollapseLevel.Healthy => "healthy",
        CollapseLevel.Watch => "watch",
        _ => "collapsing",
    };

    private static string Name(CollapseRule rule) => rule switch
    {
        CollapseRule.None => "none",
        CollapseRule.PastTrainingLength => "past_training_length",
        CollapseRule.ShortHorizon => "short_horizon",
        CollapseRule.VarianceJump => "variance_jump",
        CollapseRule.OverRetention => "over_retention",
        CollapseRule.NormRatio => "norm_ratio",
        CollapseRule.VarianceRatio => "variance_ratio",
        CollapseRule.LossRatio => "loss_ratio",
        _ => "not_a_number",
    };
}
