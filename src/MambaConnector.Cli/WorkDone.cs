namespace MambaConnector.Cli;

/// <summary>How far long work has come.</summary>
/// <param name="Share">0 to 1.</param>
/// <param name="Note">What it does now, and how fast.</param>
internal readonly record struct WorkDone(double Share, string Note);
