namespace MambaConnector;

/// <summary>What a <see cref="CollapseMonitor"/> does at <see cref="CollapseMonitorOptions.ActionLevel"/>. Immutable, with value equality.</summary>
public abstract record CollapseAction
{
    private protected CollapseAction()
    {
    }

    /// <summary>Reports, events and metrics; nothing else.</summary>
    public static CollapseAction None { get; } = new NoAction();

    /// <summary>Logs a warning when a level rises.</summary>
    public static CollapseAction Warn { get; } = new WarnAction();

    /// <summary>Warns, and gives the session a long-context policy, from the next token on.</summary>
    /// <param name="policy">The policy. Windows help once the tokens before have left them.</param>
    public static CollapseAction SwitchPolicy(LongContextPolicy policy)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return new SwitchPolicyAction(policy);
    }

    /// <summary>Warns, forgets everything that the session has read, and reads a text in its place, for example a summary. In the middle of a generation it
    /// waits for its end.</summary>
    /// <param name="text">What is read, as <see cref="MambaSession.Append(string, CancellationToken)"/> does on an empty session.</param>
    public static CollapseAction ResetAndReinject(string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        return new ResetAndReinjectAction(text);
    }

    internal sealed record NoAction : CollapseAction;

    internal sealed record WarnAction : CollapseAction;

    internal sealed record SwitchPolicyAction(LongContextPolicy Policy) : CollapseAction;

    internal sealed record ResetAndReinjectAction(string Text) : CollapseAction;
}
