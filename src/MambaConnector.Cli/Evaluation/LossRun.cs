namespace MambaConnector.Cli.Evaluation;

/// <summary>How far the evaluation of one policy has come.</summary>
internal sealed class LossRun
{
    /// <summary>The policy: <see cref="EvaluatedPolicy.Key"/>.</summary>
    public required string Policy { get; init; }

    /// <summary>Tokens read.</summary>
    public long TokenCount { get; set; }

    /// <summary>Time that took.</summary>
    public double Seconds { get; set; }

    /// <summary>Bytes of the session's state.</summary>
    public long StateBytes { get; set; }

    /// <summary>Losses so far.</summary>
    public LossSums Sums { get; init; } = new();

    /// <summary>Maxima of the heads' norms within the training length, layer after layer; empty where they are not looked at.</summary>
    public List<float> NormMaxima { get; init; } = [];
}
