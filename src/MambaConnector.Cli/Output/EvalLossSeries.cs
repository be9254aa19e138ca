using MambaConnector.Cli.Evaluation;

namespace MambaConnector.Cli.Output;

/// <summary>The loss by position under one policy.</summary>
/// <param name="Policy">Its text.</param>
/// <param name="Collapsed">Whether a step behind the training length has more than twice the greatest loss of those within; null where that
/// cannot be told.</param>
/// <param name="CollapsedAt">Where the first of them begins.</param>
/// <param name="MaximumLossWithin">The greatest mean loss of a step within the training length, without the first.</param>
/// <param name="MaximumLossBeyond">The greatest behind it.</param>
/// <param name="TokensPerSecond">Speed of reading, with the loss of each token.</param>
/// <param name="StateBytes">Bytes of the session at the end.</param>
/// <param name="Buckets">Means over positions 1, 2 to 3, 4 to 7, ...: from <c>start</c> to before <c>end</c>.</param>
/// <param name="Steps">Means over steps of one width.</param>
internal sealed record EvalLossSeries(
    string Policy,
    bool? Collapsed,
    long? CollapsedAt,
    double? MaximumLossWithin,
    double? MaximumLossBeyond,
    double TokensPerSecond,
    long StateBytes,
    IReadOnlyList<LossBucket> Buckets,
    IReadOnlyList<LossBucket> Steps);
