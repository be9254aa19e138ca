using MambaConnector.Backend;

namespace MambaConnector.LongContext;

/// <summary>How a monitor and a state meet.</summary>
internal static class StateWatch
{
    /// <summary>Measures a state that has moved on, if that is due, and switches its policy where the monitor says so.</summary>
    /// <param name="monitor">The monitor.</param>
    /// <param name="state">The state.</param>
    /// <param name="before">Its position before.</param>
    /// <returns>The text that the state is to read from empty on; null: none.</returns>
    public static string? Look(CollapseMonitor monitor, IBackendSession state, long before)
    {
        SessionInfo info = state.Info;
        if (!monitor.IsDue(before, info.TokenCount) || !monitor.Observe(StateReader.Measure(state, monitor.Model.Info), info.Policy))
        {
            return null;
        }

        if (monitor.Policy is { } policy && policy != info.Policy)
        {
            state.SetPolicy(policy);
            monitor.Acted(info.TokenCount);
        }

        return (monitor.Options.Action as CollapseAction.ResetAndReinjectAction)?.Text;
    }
}
