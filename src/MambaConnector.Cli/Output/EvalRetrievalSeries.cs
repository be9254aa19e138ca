using MambaConnector.Cli.Retrieval;

namespace MambaConnector.Cli.Output;

/// <summary>How many keys one way found.</summary>
/// <param name="Way">Its name.</param>
/// <param name="Lengths">The share found at each length, over all depths, and the time it took.</param>
/// <param name="Answers">Every answer.</param>
internal sealed record EvalRetrievalSeries(string Way, IReadOnlyList<RetrievalShare> Lengths, IReadOnlyList<RetrievalAnswer> Answers)
{
    /// <summary>What the answers of one way say.</summary>
    public static EvalRetrievalSeries Of(string way, IReadOnlyList<RetrievalAnswer> answers) => new(
        way,
        [
            .. answers.GroupBy(answer => answer.Length).OrderBy(group => group.Key).Select(group => new RetrievalShare(
                group.Key, group.Average(answer => answer.Found ? 1.0 : 0.0), group.Count(), group.Average(answer => answer.ReadSeconds),
                group.Average(answer => answer.AskSeconds))),
        ],
        answers);
}
