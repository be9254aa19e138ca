namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>inspect capacity</c>.</summary>
/// <param name="Model">What was looked at.</param>
/// <param name="Architecture">Its family.</param>
/// <param name="StateValues">Numbers that carry a session's past: <paramref name="SsmValues"/> and <paramref name="ConvolutionValues"/>.</param>
/// <param name="SsmValues">Numbers in the SSM states.</param>
/// <param name="ConvolutionValues">Numbers in the windows of the convolutions.</param>
/// <param name="StateValueBytes">Bytes of <paramref name="StateValues"/> in FP32.</param>
/// <param name="SessionBytes">Bytes of a session, which has room for tokens that wait as well; null for a shape.</param>
/// <param name="TrainingLength">Tokens; null where it is not known.</param>
/// <param name="ForgetLength">Tokens, by the fit; null below its range.</param>
/// <param name="RecallLength">Tokens, by the fit; null below its range.</param>
/// <param name="IsTrainedToForget">Whether the training length reaches the forget length; null where either is not known.</param>
/// <param name="Fit">What the fits are worth here.</param>
/// <param name="Warning">A sentence where the training was too short; else null.</param>
internal sealed record CapacityDocument(
    string Model,
    string Architecture,
    long StateValues,
    long SsmValues,
    long ConvolutionValues,
    long StateValueBytes,
    long? SessionBytes,
    long? TrainingLength,
    double? ForgetLength,
    double? RecallLength,
    bool? IsTrainedToForget,
    string Fit,
    string? Warning);
