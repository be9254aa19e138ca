namespace MambaConnector;

/// <summary>What a <see cref="CollapseReport"/>'s level follows from.</summary>
/// <remarks>Most thresholds are choices of this library, because the papers give none: that of the loss is the definition of arXiv 2410.07145, that of
/// retention its example.</remarks>
public enum CollapseRule
{
    /// <summary>Nothing is unusual.</summary>
    None = 0,

    /// <summary>The session is longer than the training length, and no long-context policy bounds its state. It informs; the level stays
    /// <see cref="CollapseLevel.Healthy"/>.</summary>
    PastTrainingLength = 1,

    /// <summary>Every head forgets within a small part of the training length: the opposite failure, nothing is remembered. Watch.</summary>
    ShortHorizon = 2,

    /// <summary>A head's variance has jumped since the last sample, in few large values: an early sign. Watch.</summary>
    VarianceJump = 3,

    /// <summary>A head keeps most of its first token over the training length: it will overflow. Watch.</summary>
    OverRetention = 4,

    /// <summary>A head's norm is a multiple of its healthy largest. Watch, or by a larger multiple of a baseline's Collapsing.</summary>
    NormRatio = 5,

    /// <summary>A head's variance is a large multiple of its healthy largest. Collapsing, or without a baseline Watch.</summary>
    VarianceRatio = 6,

    /// <summary>The moving average of the losses is a multiple of its largest within the training length, the definition of collapse, or a loss is no finite
    /// number. Collapsing.</summary>
    LossRatio = 7,

    /// <summary>The state holds something that is no finite number. Collapsing.</summary>
    NotANumber = 8,
}
