namespace MambaConnector.Cli.Output;

/// <summary>What a calibrated policy does to the loss over the last 100 tokens of texts.</summary>
/// <param name="Texts"><c>calibration</c>: those that were calibrated on; <c>held out</c>: others.</param>
/// <param name="Length">Tokens of each text.</param>
/// <param name="Count">How many texts.</param>
/// <param name="Before">Without a policy.</param>
/// <param name="After">With it.</param>
internal sealed record CalibrationLossDocument(string Texts, long Length, int Count, double Before, double After);
