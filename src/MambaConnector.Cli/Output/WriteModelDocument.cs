namespace MambaConnector.Cli.Output;

/// <summary>The result of <c>convert</c> and <c>quantize</c>.</summary>
/// <param name="Model">What was read.</param>
/// <param name="Output">The file that was written.</param>
/// <param name="Weights">The type of its matrices.</param>
/// <param name="FileBytes">Its size.</param>
internal sealed record WriteModelDocument(string Model, string Output, string Weights, long FileBytes);
