namespace MambaConnector.Cli.Output;

/// <summary>A head over time, [positions] each.</summary>
/// <param name="Layer">Its layer.</param>
/// <param name="Head">Its index there.</param>
/// <param name="Norm">The Frobenius norm.</param>
/// <param name="Variance">Of its values.</param>
/// <param name="Outlier">The largest absolute value relative to the root mean square.</param>
internal sealed record HeadSeriesDocument(
    int Layer, int Head, IReadOnlyList<double> Norm, IReadOnlyList<double> Variance, IReadOnlyList<double> Outlier);
