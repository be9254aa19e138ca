namespace MambaConnector.Cli.Retrieval;

/// <summary>The answers that were given so far.</summary>
internal sealed class RetrievalRuns
{
    /// <summary>In the order in which they were.</summary>
    public List<RetrievalAnswer> Answers { get; init; } = [];
}
