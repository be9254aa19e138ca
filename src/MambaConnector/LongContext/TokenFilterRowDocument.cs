namespace MambaConnector.LongContext;

/// <summary>A <see cref="TokenFilterRow"/> as JSON.</summary>
internal sealed record TokenFilterRowDocument(long Length, float[][] Thresholds);
