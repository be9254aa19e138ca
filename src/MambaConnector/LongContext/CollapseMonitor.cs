using System.Diagnostics.Metrics;
using MambaConnector.LongContext;
using MambaConnector.Telemetry;
using Microsoft.Extensions.Logging;

namespace MambaConnector;

/// <summary>Watches a session's state (<see cref="MambaSession.Monitor"/>): measures every head each <see cref="CollapseMonitorOptions.IntervalTokens"/>
/// tokens, compares with what is healthy, and says, or does, something when the state leaves that. A Mamba state that is fed past its training length can
/// collapse (arXiv 2410.07145); docs/monitor.md has the rules.</summary>
/// <remarks>It has no thread and no timer: it runs where the session advances, and so do its events, whose handlers may not call the session. One monitor
/// watches one session; given to another when that is over, it begins anew. <see cref="Report"/> and <see cref="History"/> may be read from any thread.</remarks>
public sealed class CollapseMonitor : IDisposable
{
    private readonly Lock _gate = new();
    private CollapseDetector _detector;
    private CollapseHistory _history;
    private readonly CollapseTelemetry _telemetry;
    private readonly bool _ownsTelemetry;
    private readonly string _subject;
    private CollapseReport? _report;
    private int _isTaken;

    /// <summary>Creates a monitor for one session of a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">What it does; null: warns, and compares the session with itself within its training length.</param>
    /// <param name="loggerFactory">Receives logs; null: none.</param>
    /// <param name="meterFactory">Makes the meter; null: one of the monitor's own.</param>
    /// <exception cref="ArgumentException">An option is out of its range, nobody says the training length, or the policy to switch to does not fit the
    /// model.</exception>
    /// <exception cref="NotSupportedException">The policy to switch to is a <see cref="DifferenceWindowPolicy"/>, and the model runs on a
    /// device.</exception>
    /// <exception cref="MambaFormatException">A text is to be read, and the model has no tokenizer.</exception>
    /// <exception cref="MambaStateMismatchException">The baseline is of another model.</exception>
    public CollapseMonitor(
        MambaModel model, CollapseMonitorOptions? options = null, ILoggerFactory? loggerFactory = null, IMeterFactory? meterFactory = null)
        : this(model, options ?? new CollapseMonitorOptions(), null, "session", loggerFactory, meterFactory)
    {
    }

    /// <summary>One of many that share their telemetry.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">What it does.</param>
    /// <param name="telemetry">The owner's.</param>
    /// <param name="subject">What logs call the session.</param>
    internal CollapseMonitor(MambaModel model, CollapseMonitorOptions options, CollapseTelemetry telemetry, string subject)
        : this(model, options, telemetry, subject, null, null)
    {
    }

    private CollapseMonitor(
        MambaModel model, CollapseMonitorOptions options, CollapseTelemetry? telemetry, string subject, ILoggerFactory? loggerFactory,
        IMeterFactory? meterFactory)
    {
        ArgumentNullException.ThrowIfNull(model);
        options = options with { Baseline = options.Baseline ?? model.Baseline };
        options.Check();
        Model = model;
        Options = options;
        Policy = (options.Action as CollapseAction.SwitchPolicyAction)?.Policy.Resolve(model.Info);
        model.RequireSupport(Policy ?? LongContextPolicy.None);
        if (options.Action is CollapseAction.ResetAndReinjectAction)
        {
            _ = model.Tokenizer;
        }

        _detector = new CollapseDetector(model.Info, options);
        _history = new CollapseHistory(options.HistoryCapacity);
        _subject = subject;
        _ownsTelemetry = telemetry is null;
        _telemetry = telemetry ?? CollapseTelemetry.Create(model.Name, loggerFactory, meterFactory);
    }

    /// <summary>The state was measured. Raised where the session advances.</summary>
    public event EventHandler<StateMeasuredEventArgs>? StateMeasured;

    /// <summary>The level is another than at the last measurement; it begins as <see cref="CollapseLevel.Healthy"/>. Raised where the session
    /// advances.</summary>
    public event EventHandler<CollapseLevelChangedEventArgs>? LevelChanged;

    /// <summary>The model whose sessions it can watch.</summary>
    public MambaModel Model { get; }

    /// <summary>What it does.</summary>
    public CollapseMonitorOptions Options { get; }

    /// <summary>The last measurement; null before the first.</summary>
    public CollapseReport? Report
    {
        get
        {
            lock (_gate)
            {
                return _report;
            }
        }
    }

    /// <summary>Reports so far, oldest first; of many, evenly spread ones (<see cref="CollapseMonitorOptions.HistoryCapacity"/>).</summary>
    public IReadOnlyList<CollapseReport> History
    {
        get
        {
            lock (_gate)
            {
                return _history.ToList();
            }
        }
    }

    /// <summary>The policy to switch to, for this model; null: none.</summary>
    internal LongContextPolicy? Policy { get; }

    /// <summary>Tells losses of tokens that the session has read, -ln p(token), in their order: their moving average is compared with its largest within the
    /// training length. The next measurement looks at it. To give the monitor to a session, and to reset that, forgets them.</summary>
    /// <param name="position">The position of the first of them in the session, from 0.</param>
    /// <param name="losses">Of it and those that follow.</param>
    public void AddLosses(long position, ReadOnlySpan<float> losses)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        lock (_gate)
        {
            _detector.AddLosses(position, losses);
        }
    }

    /// <summary>Ends its metrics, where they are its own. The session goes on unwatched by them.</summary>
    public void Dispose()
    {
        if (_ownsTelemetry)
        {
            _telemetry.Dispose();
        }
    }

    /// <summary>Takes it for a session.</summary>
    /// <exception cref="ArgumentException">It is for sessions of another model.</exception>
    /// <exception cref="InvalidOperationException">It watches a session already.</exception>
    internal void Take(MambaModel model)
    {
        if (model != Model)
        {
            throw new ArgumentException("The monitor is for sessions of another model.");
        }

        if (Interlocked.Exchange(ref _isTaken, 1) == 1)
        {
            throw new InvalidOperationException("The monitor watches another session; every session needs one of its own.");
        }

        lock (_gate)
        {
            _detector = new CollapseDetector(Model.Info, Options);
            _history = new CollapseHistory(Options.HistoryCapacity);
            _report = null;
        }
    }

    /// <summary>Gives it back.</summary>
    internal void Release() => Volatile.Write(ref _isTaken, 0);

    /// <summary>The session has undone what came after a position.</summary>
    internal void Undo(long position)
    {
        lock (_gate)
        {
            _detector.Undo(position);
        }
    }

    /// <summary>The session's decay is counted anew: the next measurement does not continue the last one.</summary>
    internal void Interrupt()
    {
        lock (_gate)
        {
            _detector.Interrupt();
        }
    }

    /// <summary>The session is empty again.</summary>
    internal void Restart()
    {
        lock (_gate)
        {
            _detector.Restart();
        }
    }

    /// <summary>Whether a session that has gone from one position to another is to be measured.</summary>
    internal bool IsDue(long before, long after) => after / Options.IntervalTokens > before / Options.IntervalTokens;

    /// <summary>Tokens from a position to the next measurement.</summary>
    internal int TokensToNext(long position) => Options.IntervalTokens - (int)(position % Options.IntervalTokens);

    /// <summary>Takes a measurement, and tells it.</summary>
    /// <param name="statistics">The state.</param>
    /// <param name="policy">The session's.</param>
    /// <returns>Whether the level asks for <see cref="CollapseMonitorOptions.Action"/>.</returns>
    internal bool Observe(StateStatistics statistics, LongContextPolicy policy)
    {
        CollapseReport report;
        CollapseReport? previous;
        lock (_gate)
        {
            report = _detector.Look(statistics, policy);
            previous = _report;
            _report = report;
            _history.Add(report);
        }

        CollapseLevel before = previous?.Level ?? CollapseLevel.Healthy;
        _telemetry.Measured(report, previous, _subject, Options.Action != CollapseAction.None);
        StateMeasured?.Invoke(this, new StateMeasuredEventArgs(statistics, report));
        if (report.Level != before)
        {
            LevelChanged?.Invoke(this, new CollapseLevelChangedEventArgs(before, report));
        }

        return report.Level >= Options.ActionLevel;
    }

    /// <summary>Tells that the action was taken.</summary>
    internal void Acted(long position) => _telemetry.Acted(_subject, position, Options.Action);
}
