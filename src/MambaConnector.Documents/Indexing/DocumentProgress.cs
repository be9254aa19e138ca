namespace MambaConnector.Documents;

/// <summary>How far the reading of a document is.</summary>
/// <param name="Tokens">Tokens read so far, those of an earlier reading that was stopped included.</param>
/// <param name="Bytes">Bytes of the source that they stand for.</param>
/// <param name="TotalBytes">The source's length; null where its stream does not tell.</param>
/// <param name="Sections">Sections that are complete.</param>
/// <param name="Section">The title of the one that is being read; empty where it has none.</param>
/// <param name="TokensPerSecond">Tokens read a second, in this reading; 0 at its beginning.</param>
/// <param name="Remaining">Time left; null where nobody can tell.</param>
/// <param name="Collapse">What the monitor measured last; null: nothing.</param>
public sealed record DocumentProgress(
    long Tokens, long Bytes, long? TotalBytes, int Sections, string Section, double TokensPerSecond, TimeSpan? Remaining, CollapseReport? Collapse)
{
    /// <summary>The part read, 0 to 100; null where nobody can tell.</summary>
    public double? Percent => TotalBytes is not { } total ? null : total == 0 ? 100 : Math.Min(100, 100.0 * Bytes / total);
}
