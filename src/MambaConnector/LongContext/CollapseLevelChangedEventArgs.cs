namespace MambaConnector;

/// <summary>What <see cref="CollapseMonitor.LevelChanged"/> says.</summary>
/// <param name="previous">The level before.</param>
/// <param name="report">The report with the level now.</param>
public sealed class CollapseLevelChangedEventArgs(CollapseLevel previous, CollapseReport report) : EventArgs
{
    /// <summary>The level before.</summary>
    public CollapseLevel Previous { get; } = previous;

    /// <summary>The report with the level now.</summary>
    public CollapseReport Report { get; } = report;
}
