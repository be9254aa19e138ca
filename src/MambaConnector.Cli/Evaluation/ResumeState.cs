namespace MambaConnector.Cli.Evaluation;

/// <summary>The content of a <see cref="ResumeFile"/>.</summary>
/// <param name="Identity">What has to be the same for a run to go on.</param>
/// <param name="Run">How far it has come.</param>
internal sealed record ResumeState<T>(IReadOnlyList<string> Identity, T Run);
