namespace MambaConnector.Cli.Output;

/// <summary>One head of a state.</summary>
/// <param name="Layer">Its layer.</param>
/// <param name="Head">Its index there.</param>
/// <param name="Mean">Of its values.</param>
/// <param name="Variance">Of its values.</param>
/// <param name="Norm">The Frobenius norm.</param>
/// <param name="Rms">The root mean square of its values.</param>
/// <param name="MaxAbs">The largest absolute value.</param>
/// <param name="Outlier"><paramref name="MaxAbs"/> / <paramref name="Rms"/>.</param>
/// <param name="Retention">What is left of the first token.</param>
/// <param name="Horizon">Tokens after which 1/e is left.</param>
/// <param name="Growth">The norm relative to its largest within the training length; null where the text does not reach beyond it.</param>
/// <param name="Channels">The channels with the largest shares of the squared norm.</param>
internal sealed record HeadDocument(
    int Layer,
    int Head,
    double Mean,
    double Variance,
    double Norm,
    double Rms,
    double MaxAbs,
    double Outlier,
    double Retention,
    double Horizon,
    double? Growth,
    IReadOnlyList<ChannelDocument> Channels);
