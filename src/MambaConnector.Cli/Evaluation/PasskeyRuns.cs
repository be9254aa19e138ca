namespace MambaConnector.Cli.Evaluation;

/// <summary>The cells of the passkey test that are finished.</summary>
internal sealed class PasskeyRuns
{
    /// <summary>In the order in which they were.</summary>
    public List<PasskeyCell> Cells { get; init; } = [];
}
