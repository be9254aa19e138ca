namespace MambaConnector.Constraints;

/// <summary>Code points that a character which has begun may become.</summary>
/// <param name="First">The first.</param>
/// <param name="Last">The last.</param>
/// <param name="Bytes">How many bytes are missing.</param>
internal readonly record struct CodePointRange(int First, int Last, int Bytes);
