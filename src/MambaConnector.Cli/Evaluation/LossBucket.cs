namespace MambaConnector.Cli.Evaluation;

/// <summary>Mean loss over neighbouring positions. A position is the number of tokens before the one that is predicted.</summary>
/// <param name="Start">The first.</param>
/// <param name="End">The one after the last.</param>
/// <param name="Loss">Nats a token.</param>
/// <param name="NormRatio">The greatest ratio, over layers and heads, of the norm of a head's state to its maximum within the training length; null:
/// not looked at.</param>
internal sealed record LossBucket(long Start, long End, double Loss, double? NormRatio);
