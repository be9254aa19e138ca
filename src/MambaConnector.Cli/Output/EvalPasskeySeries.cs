using MambaConnector.Cli.Evaluation;

namespace MambaConnector.Cli.Output;

/// <summary>How many keys were found under one policy.</summary>
/// <param name="Policy">Its text.</param>
/// <param name="RecallLength">T_recall: the longest length with more than 95 % right; null where there is none.</param>
/// <param name="Lengths">The share that was right at each length, over all depths.</param>
/// <param name="Cells">Every length and depth.</param>
internal sealed record EvalPasskeySeries(string Policy, long? RecallLength, IReadOnlyList<PasskeyShare> Lengths, IReadOnlyList<PasskeyCell> Cells)
{
    private const double RecallShare = 0.95;

    /// <summary>What the cells of one policy say.</summary>
    public static EvalPasskeySeries Of(string policy, IReadOnlyList<PasskeyCell> cells)
    {
        PasskeyShare[] shares = [.. cells.GroupBy(cell => cell.Length).OrderBy(group => group.Key).Select(group =>
        {
            int samples = group.Sum(cell => cell.Samples);
            return new PasskeyShare(group.Key, (double)group.Sum(cell => cell.Correct) / samples, samples);
        })];
        PasskeyShare? longest = shares.LastOrDefault(share => share.Share > RecallShare);
        return new EvalPasskeySeries(policy, longest?.Length, shares, cells);
    }
}
