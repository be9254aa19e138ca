using System.Text.Json.Serialization;

namespace MambaConnector;

/// <summary>What a <see cref="CollapseMonitor"/> found at one position. Ratios are to the baseline, or without one to the session's own largest within the
/// training length.</summary>
/// <remarks>It can be serialized, as the response it is a property of can: a number that is infinite becomes the text <c>"Infinity"</c>.</remarks>
[JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
public readonly record struct CollapseReport
{
    /// <summary>Tokens that the session had consumed.</summary>
    public required long Position { get; init; }

    /// <summary>The level.</summary>
    public required CollapseLevel Level { get; init; }

    /// <summary>The rule that the level follows from.</summary>
    public required CollapseRule Rule { get; init; }

    /// <summary>The rule in a sentence with its numbers; empty for <see cref="CollapseRule.None"/>.</summary>
    public required string Message { get; init; }

    /// <summary>The layer of the head that the rule is about, else that of the largest <see cref="NormRatio"/>.</summary>
    public required int Layer { get; init; }

    /// <summary>That head.</summary>
    public required int Head { get; init; }

    /// <summary>The largest ratio of all heads' norms.</summary>
    public required double NormRatio { get; init; }

    /// <summary>The largest ratio of all heads' variances.</summary>
    public required double VarianceRatio { get; init; }

    /// <summary>The largest ratio of all heads' largest values.</summary>
    public required double MaxAbsRatio { get; init; }

    /// <summary>Heads whose norm's ratio is above <see cref="CollapseMonitorOptions.WatchNormRatio"/>.</summary>
    public required int HeadsAbove { get; init; }

    /// <summary>Heads that keep more of a token over the training length than <see cref="CollapseMonitorOptions.RetentionLimit"/>; 0 until the session was
    /// watched for as long.</summary>
    public required int RetainingHeads { get; init; }

    /// <summary>The largest number of tokens over which any head keeps 1/e, at its decay since the last sample. Null at the first, and where the text
    /// or the policy is another since.</summary>
    public required double? LongestHorizon { get; init; }

    /// <summary>The moving average of the losses, of its largest within the training length; infinite where one of the last was no finite number. Null before
    /// the training length is past, and where fewer were given within it than one interval's.</summary>
    public required double? LossRatio { get; init; }
}
