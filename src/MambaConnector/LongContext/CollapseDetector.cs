using System.Globalization;

namespace MambaConnector.LongContext;

/// <summary>Compares one session's state, sample after sample, with what it is while it is healthy, and decides a level. Not thread-safe.</summary>
/// <param name="model">The model.</param>
/// <param name="options">Checked.</param>
/// <exception cref="ArgumentException">Nobody says the training length.</exception>
/// <exception cref="MambaStateMismatchException">The baseline is of another model.</exception>
internal sealed class CollapseDetector(MambaModelInfo model, CollapseMonitorOptions options)
{
    private readonly long _trainingLength = options.ResolveTrainingLength(model);
    private readonly HeadReference[] _healthy = Healthy(model, options.Baseline);
    private readonly HeadReference[] _floors = new HeadReference[model.LayerCount];
    private readonly bool _hasBaseline = options.Baseline is not null;
    private LossAverage _losses = new(options.IntervalTokens, options.ResolveTrainingLength(model));
    private bool _hasReference;
    private StateStatistics? _first;
    private StateStatistics? _previous;
    private LongContextPolicy? _policy;

    /// <summary>Losses of tokens from <paramref name="position"/> on.</summary>
    public void AddLosses(long position, ReadOnlySpan<float> losses) => _losses.Add(position, losses);

    /// <summary>The session is back at a position: samples from behind it were of another text.</summary>
    public void Undo(long position)
    {
        _first = _first?.Position > position ? null : _first;
        _previous = _previous?.Position > position ? null : _previous;
    }

    /// <summary>The next sample's decay does not continue the last one's: the sums of step sizes began anew.</summary>
    public void Interrupt() => (_first, _previous) = (null, null);

    /// <summary>The session is empty again. What is healthy stays known.</summary>
    public void Restart()
    {
        Interrupt();
        _losses = new LossAverage(options.IntervalTokens, _trainingLength);
    }

    /// <summary>Looks at the next sample.</summary>
    /// <param name="now">The state; at or before the last one's position the text is taken to have been undone or begun anew.</param>
    /// <param name="policy">The session's long-context policy. Decays before and after a change of it are not compared.</param>
    public CollapseReport Look(StateStatistics now, LongContextPolicy policy)
    {
        if ((_previous is not null && now.Position <= _previous.Position) || policy != _policy)
        {
            Interrupt();
        }

        Learn(now);
        CollapseReport report = Judge(now, Bounds(policy));
        _first ??= now;
        _previous = now;
        _policy = policy;
        return report;
    }

    /// <summary>Whether a state cannot grow without end under a policy.</summary>
    private static bool Bounds(LongContextPolicy policy) =>
        policy is RestartWindowPolicy or DifferenceWindowPolicy or StateNormPolicy or ForgetMorePolicy { Retention: < 1 };

    private static HeadReference[] Healthy(MambaModelInfo model, StateBaseline? baseline)
    {
        baseline?.CheckModel(model);
        return baseline is null
            ? new HeadReference[model.LayerCount * StateHeads.Count(model)]
            : [.. baseline.Layers.SelectMany(layer => layer.Norm.Select(
                (norm, head) => new HeadReference(norm, layer.Variance[head], layer.MaxAbs[head])))];
    }

    /// <summary>Without a baseline: what the session shows within the training length is healthy. One that was first seen behind it is compared with how
    /// it was then.</summary>
    private void Learn(StateStatistics now)
    {
        if (_hasReference && (_hasBaseline || now.Position > _trainingLength))
        {
            return;
        }

        ReadOnlySpan<HeadStatistics> heads = _hasBaseline ? [] : now.Heads;
        for (int index = 0; index < heads.Length; index++)
        {
            if (float.IsFinite(heads[index].Norm))
            {
                _healthy[index] = _healthy[index].Max(heads[index]);
            }
        }

        for (int layer = 0; layer < _floors.Length; layer++)
        {
            _floors[layer] = Floor(_healthy.AsSpan(layer * now.HeadCount, now.HeadCount));
        }

        _hasReference = true;
    }

    /// <summary>What a head's healthy numbers count as at least: a thousandth of its layer's median norm, and what goes with that. A head that happened to
    /// be empty in every healthy state has not collapsed when it holds something.</summary>
    private static HeadReference Floor(ReadOnlySpan<HeadReference> layer)
    {
        const float Share = 1e-3f;
        HeadReference[] heads = layer.ToArray();
        return new HeadReference(
            Share * Median(heads, head => head.Norm), Share * Share * Median(heads, head => head.Variance), Share * Median(heads, head => head.MaxAbs));

        static float Median(HeadReference[] heads, Func<HeadReference, float> of) => heads.Select(of).Order().ElementAt(heads.Length / 2);
    }

    private CollapseReport Judge(StateStatistics now, bool isBounded)
    {
        Worst norm = new();
        Worst variance = new();
        Worst maxAbs = new();
        Worst jump = new();
        Worst retention = new();
        int above = 0;
        int retaining = 0;
        int broken = -1;
        double? horizon = null;
        ReadOnlySpan<HeadStatistics> heads = now.Heads;
        for (int index = 0; index < heads.Length; index++)
        {
            HeadStatistics head = heads[index];
            if (!float.IsFinite(head.Norm) && broken < 0)
            {
                broken = index;
            }

            HeadReference floor = _floors[index / now.HeadCount];
            double normRatio = Ratio(head.Norm, _healthy[index].Norm, floor.Norm);
            double varianceRatio = Ratio(head.Variance, _healthy[index].Variance, floor.Variance);
            norm.Add(normRatio, index);
            variance.Add(varianceRatio, index);
            maxAbs.Add(Ratio(head.MaxAbs, _healthy[index].MaxAbs, floor.MaxAbs), index);
            above += normRatio > options.WatchNormRatio ? 1 : 0;
            if (_previous is not null)
            {
                if (varianceRatio > 1 && head.Outlier > options.OutlierLimit)
                {
                    jump.Add(Ratio(head.Variance, _previous.Heads[index].Variance, floor.Variance), index);
                }

                double tokens = (now.Position - _previous.Position) / (_previous.Heads[index].LogRetention - head.LogRetention);
                horizon = double.IsNaN(tokens) ? horizon : Math.Max(horizon ?? tokens, tokens);
            }

            double left = LeftAfterTraining(head, index, now.Position);
            retention.Add(left, index);
            retaining += left > options.RetentionLimit ? 1 : 0;
        }

        (CollapseLevel level, CollapseRule rule, int place, string message) = Decide();
        return new CollapseReport
        {
            Position = now.Position,
            Level = level,
            Rule = rule,
            Message = message,
            Layer = place / now.HeadCount,
            Head = place % now.HeadCount,
            NormRatio = norm.Value,
            VarianceRatio = variance.Value,
            MaxAbsRatio = maxAbs.Value,
            HeadsAbove = above,
            RetainingHeads = retaining,
            LongestHorizon = horizon,
            LossRatio = _losses.Ratio,
        };

        // The gravest first.
        (CollapseLevel Level, CollapseRule Rule, int Place, string Message) Decide() => true switch
        {
            _ when broken >= 0 => (CollapseLevel.Collapsing, CollapseRule.NotANumber, broken, Say($"{At(broken)} holds something that is no number.")),
            _ when _losses.Ratio == double.PositiveInfinity => (
                CollapseLevel.Collapsing, CollapseRule.LossRatio, norm.Index, "A loss is no finite number."),
            _ when _losses.Ratio > options.LossRatio => (CollapseLevel.Collapsing, CollapseRule.LossRatio, norm.Index, Say(
                $"The mean loss is {_losses.Ratio:0.##} times its largest within the {_trainingLength} tokens of training.")),
            _ when _hasBaseline && norm.Value > options.CollapseNormRatio => (CollapseLevel.Collapsing, CollapseRule.NormRatio, norm.Index, Say(
                $"The norm of {At(norm.Index)} is {norm.Value:0.##} times its healthy largest; {above} heads are above {options.WatchNormRatio:0.##}.")),
            _ when _hasBaseline && variance.Value > options.CollapseVarianceRatio => (
                CollapseLevel.Collapsing, CollapseRule.VarianceRatio, variance.Index, Say(
                    $"The variance of {At(variance.Index)} is {variance.Value:0.##} times its healthy largest.")),
            _ when norm.Value > options.WatchNormRatio => (CollapseLevel.Watch, CollapseRule.NormRatio, norm.Index, Say(
                $"The norm of {At(norm.Index)} is {norm.Value:0.##} times its healthy largest; {above} heads are above {options.WatchNormRatio:0.##}.")),
            _ when variance.Value > options.CollapseVarianceRatio => (CollapseLevel.Watch, CollapseRule.VarianceRatio, variance.Index, Say(
                $"The variance of {At(variance.Index)} is {variance.Value:0.##} times its healthy largest.")),
            _ when retaining > 0 && !isBounded => (CollapseLevel.Watch, CollapseRule.OverRetention, retention.Index, Say(
                $"{retaining} heads keep more than {options.RetentionLimit:0.##} of a token over {_trainingLength} more, {At(retention.Index)} {retention.Value:0.###}.")),
            _ when jump.Value > options.VarianceJump => (CollapseLevel.Watch, CollapseRule.VarianceJump, jump.Index, Say(
                $"The variance of {At(jump.Index)} is {jump.Value:0.##} times that of the last sample, in few large values.")),
            _ when horizon < options.HorizonShare * _trainingLength => (CollapseLevel.Watch, CollapseRule.ShortHorizon, norm.Index, Say(
                $"No head keeps 1/e of a token over more than {horizon:0} tokens, of {_trainingLength} in training: nothing is remembered.")),
            _ when now.Position > _trainingLength && !isBounded => (CollapseLevel.Healthy, CollapseRule.PastTrainingLength, norm.Index, Say(
                $"The session is at token {now.Position}, the model was trained on {_trainingLength}, and no long-context policy bounds its state.")),
            _ => (CollapseLevel.Healthy, CollapseRule.None, norm.Index, ""),
        };

        string At(int index) => Say($"layer {index / now.HeadCount} head {index % now.HeadCount}");
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    // In a layer that was empty in every healthy state and is not now a head has grown without measure.
    private static double Ratio(double value, double healthy, double floor) =>
        Math.Max(healthy, floor) is > 0 and double least ? value / least : value > 0 ? double.PositiveInfinity : 0;

    /// <summary>What is left of a token after T_train more at the mean decay since the session was first seen; NaN until it was watched for as
    /// long.</summary>
    private double LeftAfterTraining(in HeadStatistics head, int index, long position)
    {
        if (_first is null || position - _first.Position < _trainingLength)
        {
            return double.NaN;
        }

        double decay = (head.LogRetention - _first.Heads[index].LogRetention) / (position - _first.Position);
        return Math.Exp(decay * _trainingLength);
    }

    /// <summary>The largest of several numbers, and whose it is. Those that are none count for nothing.</summary>
    private struct Worst
    {
        public Worst()
        {
        }

        public double Value { get; private set; }

        public int Index { get; private set; }

        public void Add(double value, int index)
        {
            if (value > Value)
            {
                (Value, Index) = (value, index);
            }
        }
    }
}
