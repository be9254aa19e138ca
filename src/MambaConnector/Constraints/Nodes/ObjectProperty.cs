namespace MambaConnector.Constraints;

/// <summary>A property that a schema declares.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">What it may be.</param>
/// <param name="IsRequired">Whether an object must have it.</param>
internal sealed record ObjectProperty(string Name, Grammar Value, bool IsRequired);
