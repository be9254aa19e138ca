namespace MambaConnector.Conformance.Provider;

/// <summary>A behaviour of the provider suite.</summary>
/// <param name="Name">Its name there, and that of the test here.</param>
/// <param name="LeftOut">Why there is no test of it here; null: there is one.</param>
internal sealed record Behaviour(string Name, string? LeftOut = null);
