using MambaConnector.Scheduling;

namespace MambaConnector;

/// <summary>What a <see cref="CollapseMonitor"/> compares, when, and what it does. Immutable.</summary>
/// <remarks>Ratios are of a head's number to its largest in a healthy state: the baseline's, or else the session's own within the training length.</remarks>
public sealed record CollapseMonitorOptions
{
    /// <summary>M: tokens between two measurements, a positive multiple of 64, so that reading stops for them where it changes no bit and nothing waits to
    /// enter the state.</summary>
    public int IntervalTokens { get; init; } = 256;

    /// <summary>T_train, tokens; null: the baseline's, or else the model's.</summary>
    public long? TrainingLength { get; init; }

    /// <summary>What the model's state looks like while it is healthy; null: <see cref="MambaModel.Baseline"/>, or else each session is compared with
    /// itself. Norms and variances then only reach <see cref="CollapseLevel.Watch"/>: that they leave a session's own beginning says little.</summary>
    public StateBaseline? Baseline { get; init; }

    /// <summary>Ratio of norms above which a head is watched.</summary>
    public double WatchNormRatio { get; init; } = 2;

    /// <summary>Ratio of norms to a baseline's above which a head is collapsing.</summary>
    public double CollapseNormRatio { get; init; } = 4;

    /// <summary>Ratio of variances to a baseline's above which a head is collapsing; without a baseline it is watched.</summary>
    public double CollapseVarianceRatio { get; init; } = 10;

    /// <summary>Factor between two samples by which a head's variance, above its healthy largest, is said to jump.</summary>
    public double VarianceJump { get; init; } = 2;

    /// <summary>Ratio of a head's largest value to its root mean square above which a jump of its variance is one of few large values.</summary>
    public double OutlierLimit { get; init; } = 16;

    /// <summary>What may be left of a token after T_train more, from 0 to 1.</summary>
    public double RetentionLimit { get; init; } = 0.8;

    /// <summary>The part of T_train that the longest horizon has to reach, from 0 to 1.</summary>
    public double HorizonShare { get; init; } = 0.1;

    /// <summary>Ratio of the losses' moving average above which the state has collapsed.</summary>
    public double LossRatio { get; init; } = 2;

    /// <summary>What to do.</summary>
    public CollapseAction Action { get; init; } = CollapseAction.Warn;

    /// <summary>The level from which on <see cref="Action"/> switches the policy or resets.</summary>
    public CollapseLevel ActionLevel { get; init; } = CollapseLevel.Collapsing;

    /// <summary>Reports that <see cref="CollapseMonitor.History"/> keeps, 2 or more. When it is full, every second one goes.</summary>
    public int HistoryCapacity { get; init; } = 1024;

    /// <exception cref="ArgumentException">A member is out of its range; named.</exception>
    internal void Check()
    {
        if (IntervalTokens <= 0 || IntervalTokens % SequenceRun.ChunkTokens != 0)
        {
            throw new ArgumentOutOfRangeException(
                nameof(IntervalTokens), IntervalTokens, $"{IntervalTokens} is no positive multiple of {SequenceRun.ChunkTokens} tokens.");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(TrainingLength ?? 1, 1, nameof(TrainingLength));
        CheckPositive(WatchNormRatio, nameof(WatchNormRatio));
        CheckPositive(CollapseNormRatio, nameof(CollapseNormRatio));
        CheckPositive(CollapseVarianceRatio, nameof(CollapseVarianceRatio));
        CheckPositive(VarianceJump, nameof(VarianceJump));
        CheckPositive(OutlierLimit, nameof(OutlierLimit));
        CheckPositive(LossRatio, nameof(LossRatio));
        CheckShare(RetentionLimit, nameof(RetentionLimit));
        CheckShare(HorizonShare, nameof(HorizonShare));
        ArgumentNullException.ThrowIfNull(Action);
        if (ActionLevel is not (CollapseLevel.Watch or CollapseLevel.Collapsing))
        {
            throw new ArgumentOutOfRangeException(nameof(ActionLevel), ActionLevel, "The level to act at is Watch or Collapsing.");
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(HistoryCapacity, 2);
    }

    /// <summary>T_train for this model.</summary>
    /// <exception cref="ArgumentException">Nobody says it.</exception>
    internal long ResolveTrainingLength(MambaModelInfo model)
    {
        long length = TrainingLength ?? Baseline?.TrainingLength ?? model.TrainingLength;
        return length > 0
            ? length
            : throw new ArgumentException(
                "A collapse monitor needs the model's training length, and the checkpoint does not say it. Set CollapseMonitorOptions.TrainingLength or " +
                "MambaModelOptions.TrainingLength, or give a baseline.");
    }

    private static void CheckPositive(double value, string name)
    {
        if (!double.IsFinite(value) || value <= 0)
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it has to be a positive number.");
        }
    }

    private static void CheckShare(double value, string name)
    {
        if (value is not (>= 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(name, value, $"{name} is {value}; it has to be from 0 to 1.");
        }
    }
}
