namespace MambaConnector.Cli.Evaluation;

/// <summary>How far the evaluation of several policies, one after the other, has come.</summary>
internal sealed class LossRuns
{
    /// <summary>Those that were begun, in their order; the last may be under way.</summary>
    public List<LossRun> Runs { get; init; } = [];
}
