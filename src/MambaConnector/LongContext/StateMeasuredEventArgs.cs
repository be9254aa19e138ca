namespace MambaConnector;

/// <summary>What <see cref="CollapseMonitor.StateMeasured"/> says.</summary>
/// <param name="statistics">Every head of the state.</param>
/// <param name="report">What follows from them.</param>
public sealed class StateMeasuredEventArgs(StateStatistics statistics, CollapseReport report) : EventArgs
{
    /// <summary>Every head of the state.</summary>
    public StateStatistics Statistics { get; } = statistics;

    /// <summary>What follows from them.</summary>
    public CollapseReport Report { get; } = report;
}
