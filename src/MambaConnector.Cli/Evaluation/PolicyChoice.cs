namespace MambaConnector.Cli.Evaluation;

/// <summary>A policy as it stands on the command line.</summary>
/// <param name="Text">What was typed.</param>
/// <param name="Policy">What it means.</param>
internal sealed record PolicyChoice(string Text, LongContextPolicy Policy);
